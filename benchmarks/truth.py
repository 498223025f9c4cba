"""Simulated truth over seeds: what was planted against what the main job finds.

python benchmarks/truth.py FOLDER --seeds 10 --voxel-mm 4

Runs +cohort=psp and +cohort=psps2 (nothing planted) for each seed through the command line and
prints one line of JSON a cohort and seed, then a summary as the last line: planted regions found,
false clusters a study beside what random-field theory expects by chance, smoothness. Finished runs
in FOLDER are not repeated. `--set calibration=none source.scanner.gain_sd=0` passes settings on.
The statistics alone, in minutes: planted/truth_studies.py.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import xarray as xr
from summary.figures import conclude

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.images.smooth import smooth
from rt1t2_dask.images.transform import Warp
from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.pipelines.people.simulated import template_head
from rt1t2_dask.simulate.cohort import PAPER_GROUPS, paper_effects, simulate_participant
from rt1t2_dask.simulate.effects import planted_change
from rt1t2_dask.stats.clusters import random_field

CONTRASTS = {"psp": "pspVsHc", "psps2": "psps2VsHc"}
TOUCHED = 0.005  # of the ratio: beyond this a smoothed planted change is no false positive
HALF = 0.5


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("folder", type=Path)
    asked.add_argument("--seeds", type=int, default=10)
    asked.add_argument("--first", type=int, default=0)
    asked.add_argument("--voxel-mm", type=float, default=4.0)
    asked.add_argument("--registration", type=int, default=0, help="people a seed to measure")
    asked.add_argument("--set", nargs="*", default=[], help="further settings of each run")
    args = asked.parse_args()
    rows = []
    for seed in range(args.first, args.first + args.seeds):
        for cohort in CONTRASTS:
            out = run(args.folder, cohort, seed, args.voxel_mm, args.set)
            row = {"cohort": cohort, "seed": seed} | judge(out, cohort)
            if args.registration:
                people = registration_mm(args.folder, out, seed, args.voxel_mm, args.registration)
                row["registration_mm"] = people
            rows.append(row)
            print(json.dumps(row), flush=True)
    conclude("truth", summary(rows))


def run(folder: Path, cohort: str, seed: int, voxel_mm: float, more: list[str]) -> Path:
    out = folder / f"{cohort}_seed-{seed}_{voxel_mm:g}mm"
    words = [
        f"+cohort={cohort}",
        f"source.seed={seed}",
        f"source.voxel_mm={voxel_mm:g}",
        f"source.root={folder}/simulated/seed-{seed}_{voxel_mm:g}mm",
        f"storage.url={folder}/lake",
        f"output_dir={out}",
        "report.mosaics=0",
        "receptors.n_permutations=100",
        *more,
    ]
    code = command(words)
    if code:
        raise SystemExit(f"{cohort} seed {seed} ended with exit code {code}")
    return out


def read(path: Path) -> Volume:
    image = nib.load(path)
    return Volume(np.asarray(image.dataobj, dtype=np.float32), image.affine)


def judge(out: Path, cohort: str) -> dict[str, Any]:
    """Compare the contrast with what was planted."""
    stem = out / "group" / f"contrast-{CONTRASTS[cohort]}"
    t = read(Path(f"{stem}_stat-t_statmap.nii.gz"))
    fwe = read(Path(f"{stem}_stat-t_desc-fwe_statmap.nii.gz"))
    head = template_head()
    effects = paper_effects(head) if cohort == "psp" else ()
    change = planted_change(head, effects, t.grid)
    ratio = mean_map(out, "ratio", "HC")
    planted = smoothed_change(change, ratio)
    touched = np.abs(planted) > TOUCHED
    found, false = clusters(out, cohort, t, touched, effects, head)
    estimated = (
        read(Path(f"{stem}_stat-effect_statmap.nii.gz")).data / mean_map(out, "smoothed", "HC").data
    )
    summary_json = json.loads(Path(f"{stem}_permutation.json").read_text())
    return {
        "found": found,
        "planted": len(by_region(effects)),
        "fwhm_mm": [round(float(f), 1) for f in fwhm_mm(out)],
        "false_clusters": false,
        "expected_false_clusters": expected_clusters(out, cohort),
        "fwe_outside": bool(np.nanmax(np.where(touched, np.nan, fwe.data)) > -np.log10(0.05)),
        "p_max_t": summary_json["p"]["max_t"],
        "change": regional_change(head, effects, t.grid, planted, estimated),
    }


def mean_map(out: Path, desc: str, prefix: str) -> Volume:
    paths = sorted(out.glob(f"sub-{prefix}*/anat/*_desc-{desc}_T1wT2wratio.nii.gz"))
    volumes = [read(path) for path in paths]
    return volumes[0].with_data(np.nanmean([v.data for v in volumes], axis=0))


def smoothed_change(change: np.ndarray, ratio: Volume) -> np.ndarray:
    """Smooth the planted change of the ratio as the maps are smoothed."""
    inside = np.isfinite(ratio.data)
    lower = ratio.with_data(np.where(inside, ratio.data * (1 + change), np.nan))
    both = [smooth(v, 10.0, "normalised", inside).data for v in (lower, ratio)]
    return np.nan_to_num(both[0] / both[1] - 1)


def by_region(effects: Any) -> dict[str, list[Any]]:
    names: dict[str, list[Any]] = {}
    for effect in effects:
        names.setdefault(effect.name, []).append(effect)
    return names


def planted_mask(head: Any, effects: Any, grid: Grid) -> np.ndarray:
    change = np.abs(planted_change(head, effects, grid))
    return change > HALF * change.max()


def clusters(
    out: Path, cohort: str, t: Volume, touched: np.ndarray, effects: Any, head: Any
) -> tuple[list[str], int]:
    """Name the planted regions that a negative cluster meets; count clusters that meet none."""
    rows = pd.read_csv(out / "group" / f"contrast-{CONTRASTS[cohort]}_clusters.tsv", sep="\t")
    labels = cluster_labels(out)
    masks = {n: planted_mask(head, e, t.grid) for n, e in by_region(effects).items()}
    found, false = set(), 0
    for _, row in rows.iterrows():
        voxels = labels == row["cluster"]
        met = [n for n, mask in masks.items() if row["sign"] == "negative" and mask[voxels].any()]
        found.update(met)
        false += int(not touched[voxels].any())
    return sorted(found), false


def cluster_labels(out: Path) -> np.ndarray:
    known = json.loads((out / "provenance.json").read_text())
    (keys,) = known["group_parts"]["contrasts"].values()
    part = lake_of(known) / "parts" / "clusters" / keys["clusters"]
    return xr.open_zarr(part, consolidated=False)["clusters"].to_numpy().T


def lake_of(known: dict[str, Any]) -> Path:
    return Path(known["config"]["storage"]["url"])


def contrast_record(out: Path) -> dict[str, Any]:
    known = json.loads((out / "provenance.json").read_text())
    (keys,) = known["group_parts"]["contrasts"].values()
    marker = lake_of(known) / "parts" / "contrast" / f"{keys['contrast']}.json"
    return dict(json.loads(marker.read_text())["record"])


def fwhm_mm(out: Path) -> np.ndarray:
    """Full width at half maximum of the contrast's residuals along x, y and z."""
    config = json.loads((out / "provenance.json").read_text())["config"]
    return np.array(contrast_record(out)["fwhm_voxels"]) * config["source"]["voxel_mm"]


def expected_clusters(out: Path, cohort: str) -> float:
    """Random-field expectation of clusters of the table's height and extent, both signs."""
    config = json.loads((out / "provenance.json").read_text())["config"]
    record = contrast_record(out)
    volume = random_field.SearchVolume(
        record["dof"], record["voxels"], np.array(record["fwhm_voxels"]), np.array(record["resels"])
    )
    u = random_field.height(config["contrast"]["p"], record["dof"])
    voxel_mm3 = config["source"]["voxel_mm"] ** 3
    extent = int(np.ceil(config["contrast"]["extent_mm3"] / voxel_mm3))
    share = float(random_field.cluster_p_uncorrected(extent, u, volume))
    return 2 * float(random_field.expected_clusters(u, volume)) * share


def regional_change(
    head: Any, effects: Any, grid: Grid, planted: np.ndarray, estimated: np.ndarray
) -> dict[str, list[float]]:
    """Planted and estimated change in %, smoothed alike, over each planted mask."""
    means = {}
    for name, own in by_region(effects).items():
        mask = planted_mask(head, own, grid) & np.isfinite(estimated)
        means[name] = [
            round(100 * float(planted[mask].mean()), 2),
            round(100 * float(estimated[mask].mean()), 2),
        ]
    return means


def registration_mm(
    folder: Path, out: Path, seed: int, voxel_mm: float, people: int
) -> dict[str, float]:
    """Mean error of the deformation field in the brain, mm, of some people."""
    head, known = template_head(), json.loads((out / "provenance.json").read_text())
    effects = paper_effects(head)
    points = brain_points(head)
    errors = {}
    for who in list(known["parts"])[:people]:
        spec = next(
            s
            for s in PAPER_GROUPS.values()
            if who.removeprefix("sub-").rstrip("0123456789") == s.prefix
        )
        person = simulate_participant(
            head, who, spec, seed=seed, voxel_mm=voxel_mm, effects=effects
        )
        warp = read_warp(folder / "lake" / "parts" / "normalise" / known["parts"][who]["normalise"])
        back = person.truth.subject_to_template(warp.points(points))
        errors[who] = round(float(np.linalg.norm(back - points, axis=1).mean()), 3)
    return errors


def brain_points(head: Any) -> np.ndarray:
    index = np.argwhere(head.brain)[::97]
    return index @ head.grid.affine[:3, :3].T + head.grid.affine[:3, 3]


def read_warp(part: Path) -> Warp:
    data = xr.open_zarr(part, consolidated=False).load()
    field = np.moveaxis(data["displacement"].to_numpy(), (0, 1, 2), (2, 1, 0))
    affine = np.asarray(data["displacement"].attrs["affine"])
    return Warp(data["affine"].to_numpy(), field, Grid(field.shape[:3], affine))


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    psp = [row for row in rows if row["cohort"] == "psp"]
    null = [row for row in rows if row["cohort"] == "psps2"]
    errors = [
        abs(estimated - planted) / abs(planted)
        for row in psp
        for planted, estimated in row["change"].values()
    ]
    regions = sorted({name for row in psp for name in row["change"]})
    return {
        "seeds": len(psp),
        "found_of_planted": [sum(len(r["found"]) for r in psp), sum(r["planted"] for r in psp)],
        "fwhm_mm": np.round(np.mean([row["fwhm_mm"] for row in rows], axis=0), 1).tolist(),
        "found": {name: sum(name in row["found"] for row in psp) for name in regions},
        "all_four_found": sum(len(row["found"]) == len(regions) for row in psp),
        "mean_relative_error": round(float(np.mean(errors)), 3),
        "false_clusters_psp": [row["false_clusters"] for row in psp],
        "false_clusters_psps2": [row["false_clusters"] for row in null],
        "expected_psp": round(sum(row["expected_false_clusters"] for row in psp), 2),
        "expected_psps2": round(sum(row["expected_false_clusters"] for row in null), 2),
        "fwe_outside_psp": sum(row["fwe_outside"] for row in psp),
        "fwe_psps2": sum(row["fwe_outside"] for row in null),
    }


if __name__ == "__main__":
    main()
