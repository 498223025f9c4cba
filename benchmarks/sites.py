"""Several sites: sums against images, the size of a file, ComBat, power and false positives.

python benchmarks/sites.py [pooled] [export] [combat] [power] [peer=PYTHON] [studies=200]

All by default. ``peer`` is a Python that has neuroHarmonize. All data are simulated noise.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from nulls.sites_power import power
from numpy.typing import NDArray
from peers.combat import combat
from scipy import ndimage
from summary.figures import conclude

from rt1t2_dask.cluster.graph import SerialExecutor
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.contrasts.design_settings import as_settings
from rt1t2_dask.pipelines.contrasts.fitting import plan_maps
from rt1t2_dask.pipelines.engine.task import InputFile, Inputs, Parents, as_tuple
from rt1t2_dask.pipelines.engine.volumes import table, to_array
from rt1t2_dask.pipelines.engine.work import run_tasks
from rt1t2_dask.pipelines.share.graph import share_tasks
from rt1t2_dask.pipelines.share.stages import POOLED
from rt1t2_dask.sites.joint import SiteGrams, Wanted, build, joint_sums
from rt1t2_dask.sites.pooled import pooled_test
from rt1t2_dask.sites.shared import columns_of, group_sums
from rt1t2_dask.stats.design import two_sample
from rt1t2_dask.stats.glm.fit import fit
from rt1t2_dask.storage.keys import checksum
from rt1t2_dask.storage.parts import Lake, Part
from rt1t2_dask.storage.single_file import pack

SPACE = "MNI152NLin2009aSym"
SHAPE_1MM = (197, 233, 189)
WANTED = Wanted(("pat", "hc"), ("age",), np.array([[1.0], [-1.0]]), sites=True)
SITES, EACH = ("a", "b", "c"), 24
VOXELS = 30_000
SECTIONS = ("pooled", "export", "combat", "power")


def brain(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Choose an ellipsoid of about the share of the grid that a brain has."""
    axes = np.meshgrid(*[np.linspace(-1, 1, size) for size in shape], indexing="ij")
    return np.asarray(sum(axis**2 for axis in axes) < 0.59)


def people_of(site: int, each: int) -> pd.DataFrame:
    """Draw who is scanned at a site."""
    rng = np.random.default_rng(site)
    age = np.round(rng.uniform(20 + 10 * site, 75, each), 1)
    return pd.DataFrame({"group": np.tile(["pat", "hc"], each // 2), "age": age})


def draw(
    shape: tuple[int, ...], site: int, k: int, row: pd.Series[Any], sigma: float
) -> NDArray[np.float64]:
    """Draw one smooth map, patients lower in a cube."""
    rng = np.random.default_rng((site, k))
    noise = ndimage.gaussian_filter(rng.standard_normal(shape, np.float32), sigma)
    data = (1 + 0.3 * site) * (1.5 + 0.1 * noise / noise.std() - 0.002 * row["age"])
    if row["group"] == "pat":
        data[tuple(slice(s // 2, s // 2 + 4) for s in shape)] -= 0.1
    return np.asarray(data, np.float64)


def write(
    lake: Lake, shape: tuple[int, ...], site: int, rows: pd.DataFrame, sigma: float
) -> Parents:
    """Write maps and regional means as the pipeline leaves them."""
    inside, affine = brain(shape), np.diag([1.0, 1.0, 1.0, 1.0])
    maps, means = [], []
    for k, row in rows.iterrows():
        data = np.where(inside, draw(shape, site, int(str(k)), row, sigma), np.nan)
        smooth = Part("smooth", f"{site}{int(str(k)):031x}")
        array = to_array("smoothed", Volume(data.astype(np.float32), affine), space=SPACE)
        lake.write(smooth, xr.Dataset({"smoothed": array}), record={})
        parcels = Part("parcels", smooth.key)
        arrays = {"parcels": table("parcels", data[inside][:119])}
        arrays["region"] = table("region", REGIONS)
        lake.write(parcels, xr.Dataset(arrays), record={})
        maps.append(smooth)
        means.append(parcels)
    template = Part("template", "f" * 32)
    array = to_array("brain", Volume(inside.astype(np.float32), affine))
    lake.write(template, xr.Dataset({"brain": array}), record={})
    return {"row": tuple(maps), "parcels": tuple(means), "template_out": template}


def regions() -> NDArray[np.int64]:
    """Read the labels of the atlas."""
    from rt1t2_dask.atlas import dseg

    return np.asarray(dseg()["index"].to_numpy()[:119], np.int64)


REGIONS = regions()


def export(lake: Lake, site: str, rows: pd.DataFrame, parts: Parents) -> bytes:
    """Make the file of a site."""
    columns = columns_of(rows[["age"]], rows["group"].tolist())
    about = {
        "format": 2, "simulated": True, "site": site, "groups": ["pat", "hc"], "scale": "ratio",
        "columns": list(columns.names), "lacking": {}, "minimum_people": 5, "space": SPACE,
    }  # fmt: skip
    settings = {"group": rows["group"].tolist(), "matrix": columns.matrix.tolist(),
                "about": about, "export": ""}  # fmt: skip
    tasks = share_tasks(settings, None, parts, {}, VOXELS)
    assert not run_tasks(SerialExecutor(), lake, tasks, lambda outcome: None)
    return pack(lake.whole(tasks[-1].part))


def through_files(folder: Path) -> float:
    """Largest difference in t of maps that are float32: files of three sites against images."""
    shape, lake = (40, 44, 38), Lake(str(folder / "lake"))
    tables = [people_of(k, EACH) for k in range(len(SITES))]
    rows, files = [], []
    for k, site in enumerate(SITES):
        parts = write(lake, shape, k, tables[k], 1.5)
        content = export(lake, site, tables[k], parts)
        (folder / f"{site}.zip").write_bytes(content)
        files.append(InputFile(str(folder), f"{site}.zip", checksum(content)))
        rows += as_tuple(parts["row"])
    common = {"min_group_n": 5, "min_group_share": 0.7, "space": SPACE}
    settings = {"groups": WANTED.groups, "covariates": WANTED.covariates, "sites": True,
                "contrast": WANTED.contrast.tolist(), "reference": "hc", **common}  # fmt: skip
    task = POOLED.task(settings, {}, {"site": tuple(files)})
    pooled = POOLED.make(Inputs(lake, task)).dataset["stat_t"].to_numpy()
    design = _design(tables)
    own = {"design": as_settings(design), "variance": "equal", "scale": "ratio",
           "baseline": (design.group == "hc").tolist(), **common}  # fmt: skip
    template = parts["template_out"]
    maps = {"row": tuple(rows), "template_out": template}
    plan = plan_maps(design, own, maps, {}, VOXELS)
    assert not run_tasks(SerialExecutor(), lake, plan.tasks, lambda outcome: None)
    images = lake.read(plan.contrast.part)["stat_t"].to_numpy()
    assert (np.isfinite(images) == np.isfinite(pooled)).all()
    return float(np.nanmax(np.abs(images - pooled)))


def in_memory() -> float:
    """Largest difference in t of data that are float64: sums of three sites against all rows."""
    shape = (20, 22, 18)
    tables = [people_of(k, EACH) for k in range(len(SITES))]
    maps = [
        np.stack([draw(shape, k, int(str(i)), row, 1.5).ravel() for i, row in t.iterrows()])
        for k, t in enumerate(tables)
    ]
    grams, arrays = [], []
    for site, rows, data in zip(SITES, tables, maps, strict=True):
        columns = columns_of(rows[["age"]], rows["group"].tolist())
        cells = [np.flatnonzero(rows["group"] == name) for name in ("pat", "hc")]
        sums = [group_sums(data, columns.matrix, [cell]) for cell in cells]
        each = np.stack([columns.matrix[c].T @ columns.matrix[c] for c in cells])
        grams.append(SiteGrams(site, columns.names, ("pat", "hc"), each, {}))
        arrays.append((
            np.concatenate([s.present for s in sums]),
            np.stack([s.cross for s in sums]),
            np.stack([s.squares for s in sums]),
        ))  # fmt: skip
    joint = build(grams, WANTED)
    total = [joint_sums(g, joint, WANTED, *a) for g, a in zip(grams, arrays, strict=True)]
    found = pooled_test(total, joint.model).result.t
    return float(np.abs(found - fit(np.concatenate(maps), _design(tables)).t).max())


def _design(tables: list[pd.DataFrame]) -> Any:
    rows = pd.concat([t.assign(site=s) for s, t in zip(SITES, tables, strict=True)])
    return two_sample(rows["group"].tolist(), "pat", "hc", rows[["age", "site"]])


def one_millimetre(folder: Path) -> float:
    """Megabytes of the file of a site at 1 mm: two groups of ten, age."""
    lake, rows = Lake(str(folder / "fine")), people_of(0, 20)
    parts = write(lake, SHAPE_1MM, 0, rows, 10 / 2.355)
    cpu = time.process_time()
    size = len(export(lake, "a", rows, parts)) / 1e6
    cpu, voxels = time.process_time() - cpu, int(brain(SHAPE_1MM).sum())
    print(f"file of a site: {size:.1f} MB for {voxels} voxels, 2 groups, age; {cpu:.0f} CPU s")
    return size


def main(words: list[str]) -> None:
    asked = dict(word.split("=", 1) for word in words if "=" in word)
    wanted = [word for word in words if "=" not in word] or list(SECTIONS)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        if "pooled" in wanted:
            figures["pooled_t_difference_f32"] = through_files(Path(scratch))
            figures["pooled_t_difference_f64"] = in_memory()
            print("largest difference in t, files against images: "
                  f"{figures['pooled_t_difference_f32']:.1e} (float32 maps), "
                  f"{figures['pooled_t_difference_f64']:.1e} (float64)")  # fmt: skip
        if "export" in wanted:
            figures["export_mb"] = one_millimetre(Path(scratch))
    if "combat" in wanted:
        figures |= combat(asked.get("peer"), 200, int(asked.get("voxels", 235_000)), 2)
    if "power" in wanted:
        figures["power"] = power(int(asked.get("studies", 200)))
    conclude("sites", figures)


if __name__ == "__main__":
    main(sys.argv[1:])
