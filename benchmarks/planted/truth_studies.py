"""Studies of simulated people over seeds, on maps read through their true deformation.

python -m benchmarks.planted.truth_studies FOLDER --seeds 10 --voxel-mm 4

Everything the image half does is left out: no registration, bias field or gain is estimated (the
scans have neither field nor gain). What is left between people is noise, anatomy and biology. So
seeds are cheap: 40 people take two CPU minutes at 4 mm. For each seed the study of +cohort=psp is
contrasted with the planted change and without; how many clusters chance makes is told by dividing
the people without any change at random. The last line is a summary with the power of several
changes, by studies drawn from the people of all seeds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from planted.truth_maps import FWHM_MM, maps, spread, target
from summary.figures import conclude

from rt1t2_dask.images.smooth import smooth
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.people.simulated import template_head
from rt1t2_dask.simulate.cohort import PAPER_GROUPS, paper_effects
from rt1t2_dask.simulate.effects import planted_change
from rt1t2_dask.stats.clusters.components import find
from rt1t2_dask.stats.clusters.smoothness import fwhm_voxels
from rt1t2_dask.stats.design import two_sample
from rt1t2_dask.stats.glm.fit import fit

P, EXTENT_MM3 = 0.001, 750.0
TOUCHED = 0.02  # of the largest smoothed change: beyond it a cluster is no false positive
CHANGES = (-0.10, -0.12, -0.15, -0.18, -0.20, -0.25)


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("folder", type=Path)
    asked.add_argument("--seeds", type=int, default=10)
    asked.add_argument("--first", type=int, default=0)
    asked.add_argument("--voxel-mm", type=float, default=4.0)
    asked.add_argument("--draws", type=int, default=40, help="random divisions a seed")
    asked.add_argument("--studies", type=int, default=200, help="drawn for each power")
    args = asked.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    rows, everybody = [], []
    for seed in range(args.first, args.first + args.seeds):
        groups = people(args.folder, seed, args.voxel_mm)
        row = judge(groups, seed, args.voxel_mm, args.draws)
        print(json.dumps(row), flush=True)
        rows.append(row)
        everybody += [groups["HC"], groups["null"]]
    null = np.concatenate(everybody)
    sizes = (PAPER_GROUPS["PSP"].n, PAPER_GROUPS["HC"].n)
    powers = {c: power(null, sizes, c, args.voxel_mm, args.studies, 0) for c in CHANGES}
    at = spread(null, paper_effects(template_head()), args.voxel_mm)
    conclude("truth_studies", summary(rows) | {"spread_percent": at, "power": powers})


def people(folder: Path, seed: int, voxel_mm: float) -> dict[str, np.ndarray]:
    """Return the smoothed maps of controls, patients, and patients before anything was planted."""
    path = folder / f"maps_seed-{seed}_{voxel_mm:g}mm.npz"
    if path.exists():
        return dict(np.load(path))
    patients = PAPER_GROUPS["PSP"]
    specs = {
        "HC": PAPER_GROUPS["HC"],
        "PSP": patients,
        "null": replace(patients, effects=False, lesions=False),
    }
    made = {name: maps(spec, seed, voxel_mm) for name, spec in specs.items()}
    np.savez(path, **made)
    return made


def judge(
    groups: Mapping[str, np.ndarray], seed: int, voxel_mm: float, draws: int
) -> dict[str, Any]:
    known = planted(groups["HC"].mean(axis=0), voxel_mm)
    found = study(groups["PSP"], groups["HC"], voxel_mm, known)
    without = np.concatenate([groups["null"], groups["HC"]])
    return {
        "seed": seed,
        "found": list(found.regions),
        "planted": len(known.masks),
        "false_clusters": found.false,
        "null_clusters": study(groups["null"], groups["HC"], voxel_mm).count,
        "chance_clusters": chance(without, len(groups["null"]), voxel_mm, draws, seed),
        "fwhm_mm": fwhm_mm(groups["null"], groups["HC"], voxel_mm),
    }


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    by_chance = [count for row in rows for count in row["chance_clusters"]]
    return {
        "seeds": len(rows),
        "found": sum(len(row["found"]) for row in rows),
        "planted": sum(row["planted"] for row in rows),
        "false_clusters": [row["false_clusters"] for row in rows],
        "null_clusters": [row["null_clusters"] for row in rows],
        "false_clusters_mean": round(float(np.mean([row["false_clusters"] for row in rows])), 2),
        "null_clusters_mean": round(float(np.mean([row["null_clusters"] for row in rows])), 2),
        "chance_mean": round(float(np.mean(by_chance)), 2),
        "chance_sd": round(float(np.std(by_chance, ddof=1)), 2),
        "fwhm_mm": [round(float(f), 1) for f in np.mean([row["fwhm_mm"] for row in rows], axis=0)],
    }


@dataclass(frozen=True)
class Found:
    """What one study found.

    `regions` are the planted ones that a negative cluster meets, `count` all clusters of both
    signs, `false` those that lie wholly where nothing was planted.
    """

    regions: tuple[str, ...]
    count: int
    false: int
    t: np.ndarray


@dataclass(frozen=True)
class Planted:
    """Planted regions by name, and the change of the smoothed ratio in all of them, a fraction."""

    masks: Mapping[str, np.ndarray]
    smoothed: np.ndarray

    @property
    def touched(self) -> np.ndarray:
        """Where smoothing has carried something of the change."""
        return np.abs(self.smoothed) > TOUCHED * np.abs(self.smoothed).max()


def planted(mean: np.ndarray, voxel_mm: float) -> Planted:
    """Return what is planted on the maps' grid; `mean` is the controls' smoothed mean ratio."""
    head = template_head()
    grid, inside = target(voxel_mm)
    effects = paper_effects(head)
    masks: dict[str, np.ndarray] = {}
    for effect in effects:
        change = np.abs(planted_change(head, [effect], grid))
        mask = (change > 0.5 * abs(effect.change)) & inside
        masks[effect.name] = masks[effect.name] | mask if effect.name in masks else mask
    before = np.full(grid.shape, np.nan, np.float32)
    before[inside] = mean
    after = before * (1 + planted_change(head, effects, grid).astype(np.float32))
    both = [
        smooth(Volume(v, grid.affine), FWHM_MM, "normalised", inside).data for v in (after, before)
    ]
    return Planted(masks, np.nan_to_num(both[0] / both[1] - 1))


def study(
    patients: np.ndarray, controls: np.ndarray, voxel_mm: float, known: Planted | None = None
) -> Found:
    """Contrast two groups as the main job does by default, and judge its clusters."""
    grid, inside = target(voxel_mm)
    data = np.concatenate([patients, controls])
    design = two_sample(["p"] * len(patients) + ["c"] * len(controls), "p", "c")
    volume = np.full(grid.shape, np.nan)
    volume[inside] = fit(data, design, "equal").t
    negative, positive = (
        find(volume, grid.affine, float(design.dof), sign=sign, p=P, extent_mm3=EXTENT_MM3)
        for sign in ("negative", "positive")
    )
    masks = known.masks if known else {}
    met = tuple(name for name, mask in masks.items() if negative.labels[mask].any())
    free = ~known.touched if known else np.ones(grid.shape, bool)
    false = sum(
        bool(free[m.labels == c.label].all()) for m in (negative, positive) for c in m.clusters
    )
    return Found(met, len(negative.clusters) + len(positive.clusters), false, volume)


def fwhm_mm(patients: np.ndarray, controls: np.ndarray, voxel_mm: float) -> list[float]:
    """Full width at half maximum of the contrast's residuals along x, y and z."""
    grid, inside = target(voxel_mm)
    data = np.concatenate([patients, controls])
    complete = np.isfinite(data).all(axis=0)
    mask = inside.copy()
    mask[inside] = complete
    residuals = np.concatenate([g - g.mean(axis=0) for g in (patients, controls)])[:, complete]
    residuals = residuals.astype(np.float64)
    dof = float(len(data) - 2)
    residuals /= np.sqrt((residuals**2).sum(axis=0) / dof)
    fwhm = fwhm_voxels(iter(residuals), mask, dof, len(data))
    return [round(float(f * step), 1) for f, step in zip(fwhm, grid.voxel_mm, strict=True)]


def chance(null: np.ndarray, n_first: int, voxel_mm: float, draws: int, seed: int) -> list[int]:
    """Clusters of studies of people without any effect, divided at random."""
    rng = np.random.default_rng(seed)
    counts = []
    for _ in range(draws):
        order = rng.permutation(len(null))
        counts.append(study(null[order[:n_first]], null[order[n_first:]], voxel_mm).count)
    return counts


def power(
    null: np.ndarray, sizes: tuple[int, int], change: float, voxel_mm: float, draws: int, seed: int
) -> dict[str, float]:
    """Share of studies that find each planted region, of studies drawn from many people.

    The change is planted into smoothed maps of people without any: nothing here depends on the
    seed of the study that is shipped.
    """
    rng = np.random.default_rng(seed)
    inside = target(voxel_mm)[1]
    known = planted(null.mean(axis=0), voxel_mm)
    largest = max(abs(e.change) for e in paper_effects(template_head()))
    factor = 1 + abs(change) / largest * known.smoothed[inside]
    found: list[Found] = []
    for _ in range(draws):
        drawn = rng.choice(len(null), sum(sizes), replace=False)
        patients = null[drawn[: sizes[0]]] * factor
        found.append(study(patients, null[drawn[sizes[0] :]], voxel_mm, known))
    shares = {name: float(np.mean([name in f.regions for f in found])) for name in known.masks}
    every = float(np.mean([len(f.regions) == len(known.masks) for f in found]))
    return shares | {"all": every, "false_clusters": float(np.mean([f.false for f in found]))}


if __name__ == "__main__":
    main()
