"""Power of the default contrast after a whole run: what registration, fields and gain leave.

    python -m benchmarks.planted.truth_run outputs/psp LAKE [--studies 30]

Takes the smoothed maps of a finished default study, takes the planted change out of the patients'
and draws studies of 11 against the others with changes of several sizes. SIMULATED DATA. Prints the
share of studies that find each region; JSON line last. docs/explanation.md has the table.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage, stats
from summary.figures import conclude

from rt1t2_dask.images.smooth import smooth
from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.pipelines.people.simulated import template_head
from rt1t2_dask.simulate.cohort import PAPER_EFFECTS, PAPER_GROUPS, paper_effects
from rt1t2_dask.simulate.effects import planted_change
from rt1t2_dask.stats.design import two_sample
from rt1t2_dask.stats.glm.fit import fit

P, EXTENT_MM3, FWHM_MM, LEAST_MEASURED = 0.001, 750.0, 10.0, 0.7
CHANGES = (0.15, 0.20, 0.25, 0.30)
PLANTED = abs(PAPER_EFFECTS[0].change)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class People:
    """Smoothed maps, gain taken out as in the study, of people without any change.

    `share` is the smoothed share of a planted change at each voxel, `masks` the regions.
    """

    maps: Floats
    anchor: Floats
    inside: NDArray[np.bool_]
    share: Floats
    masks: Mapping[str, NDArray[np.bool_]]
    voxel_mm3: float


def main() -> None:
    """Print the power of each change."""
    asked = argparse.ArgumentParser()
    asked.add_argument("output", type=Path)
    asked.add_argument("lake", type=Path)
    asked.add_argument("--studies", type=int, default=30)
    args = asked.parse_args()
    people = read(args.output, args.lake)
    powers = {f"-{change:.0%}": power(people, change, args.studies) for change in CHANGES}
    for change, shares in powers.items():
        print(change, {name: round(share, 2) for name, share in shares.items()})
    conclude("truth_run", {"studies": args.studies, "power": powers})


def read(output: Path, lake: Path) -> People:
    """Read a study's maps, and take what was planted out of the patients'."""
    parts = json.loads((output / "provenance.json").read_text())["parts"]
    table = pd.read_csv(output / "group" / "calibration_people.tsv", sep="\t")
    table = table[table["another_sequence"] == "no"].set_index("participant_id")
    t = nib.load(output / "group" / "contrast-pspVsHc_stat-t_statmap.nii.gz")
    maps = np.array([
        smoothed(lake, parts[label]["smooth"]) * table.loc[label, "gain"] for label in table.index
    ])  # fmt: skip
    patients = (table["group"] == "psp").to_numpy()
    grid = Grid(t.shape, t.affine)
    inside = np.isfinite(maps).mean(axis=0) > LEAST_MEASURED
    mean = np.full(grid.shape, np.nan)
    mean[inside] = np.nanmean(maps[~patients][:, inside], axis=0)
    share, masks = planted(mean, inside, grid)
    maps[patients] /= 1 - PLANTED * share
    anchor = table["fluid"].to_numpy(np.float64)
    return People(maps, anchor, inside, share, masks, float(grid.voxel_volume_mm3))


def smoothed(lake: Path, key: str) -> Floats:
    """Return a person's smoothed map, shape (x, y, z)."""
    part = xr.open_zarr(lake / "parts" / "smooth" / key, consolidated=False)
    return np.asarray(part["smoothed"].to_numpy().transpose(2, 1, 0), np.float64)


def planted(
    mean: Floats, inside: NDArray[np.bool_], grid: Grid
) -> tuple[Floats, dict[str, NDArray[np.bool_]]]:
    """Return the smoothed share of a planted change, and the regions it is planted in."""
    head = template_head()
    effects = paper_effects(head)
    masks: dict[str, NDArray[np.bool_]] = {}
    for effect in effects:
        own = np.abs(planted_change(head, [effect], grid)) > 0.5 * abs(effect.change)
        masks[effect.name] = masks.get(effect.name, np.zeros(grid.shape, bool)) | (own & inside)
    changed = mean * (1 + planted_change(head, effects, grid))
    after, before = (
        smooth(Volume(v.astype(np.float32), grid.affine), FWHM_MM, "normalised", inside).data
        for v in (changed, mean)
    )
    return np.nan_to_num(1 - after / before) / PLANTED, masks


def power(people: People, change: float, studies: int) -> dict[str, float]:
    """Return the share of drawn studies that find each region, and all of them."""
    rng = np.random.default_rng(0)
    factor = 1 - change * people.share
    found = []
    for _ in range(studies):
        order = rng.permutation(len(people.maps))
        found.append(study(people, order, PAPER_GROUPS["PSP"].n, factor))
    table = pd.DataFrame(found)
    return table.mean().to_dict() | {"all": float(table.all(axis=1).mean())}


def study(people: People, order: NDArray[np.intp], n: int, factor: Floats) -> dict[str, bool]:
    """Contrast the first n, changed, with the others; return which regions a cluster meets."""
    data = people.maps[order]
    data[:n] *= factor
    groups = ["p"] * n + ["c"] * (len(order) - n)
    model = two_sample(groups, "p", "c", pd.DataFrame({"anchor": people.anchor[order]}))
    z = np.zeros(people.inside.shape)
    z[people.inside] = np.nan_to_num(fit(data[:, people.inside], model, "welch").z)
    labels, count = ndimage.label(z < -stats.norm.isf(P), np.ones((3, 3, 3)))
    volume = np.bincount(labels.ravel(), minlength=count + 1) * people.voxel_mm3
    large = (volume >= EXTENT_MM3) & (np.arange(count + 1) > 0)
    return {name: bool(large[labels[mask]].any()) for name, mask in people.masks.items()}


if __name__ == "__main__":
    main()
