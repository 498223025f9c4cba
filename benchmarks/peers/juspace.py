"""JuSpace's own outputs against ours, case by case; part of `receptors.py`.

Needs ``reference/juspace`` beside the first folder of RT1T2_ASSETS.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np

COMPARISONS = {"1": "effect_size", "3": "mean", "4": "each", "5": "z", "7": "leave_one_out"}
COMPARISONS["8"] = COMPARISONS["4"]
KINDS = {"1": "spearman", "2": "pearson"}
DRAWS = 10_000


def reference() -> Path | None:
    """Find the oracle's folder."""
    first = os.environ.get("RT1T2_ASSETS", "").split(os.pathsep)[0]
    folder = Path(first).resolve().parent / "reference" / "juspace"
    return folder if first and folder.is_dir() else None


def oracle() -> dict[str, object]:
    """Give the largest absolute difference of each quantity over all cases, and each case's."""
    folder = reference()
    if folder is None:
        return {"oracle": None}
    cases = {}
    for path in sorted((folder / "out").glob("*_corrOrig.csv")):
        run = path.name.removesuffix("_corrOrig.csv")
        if run.startswith(("clean_opt", "nan_opt")):
            cases[run] = differences(folder / "out", run)
    names = {name for found in cases.values() for name in found}
    worst = {f"oracle_{n}": max(c[n] for c in cases.values() if n in c) for n in sorted(names)}
    return worst | {"oracle_parcel_means": parcel_means(folder)} | {"oracle_cases": cases}


def differences(out: Path, run: str) -> dict[str, float]:
    """Compare one run of JuSpace."""
    from rt1t2_dask.receptors.colocalisation import conclude, statistic
    from rt1t2_dask.receptors.correlation import p_value
    from rt1t2_dask.receptors.relabelings import regroup

    read = reader(out)
    problem = problem_of(out, run)
    ours = conclude(problem, [], n_permutations=0, seed=0)
    found = {
        "rows": rows_apart(problem, read(f"{run}_data")),
        "rho": apart(ours.rho, read(f"{run}_corrOrig")),
        "fisher_z": apart(ours.fisher_z, read(f"{run}_res_ind")),
        "mean_fisher_z": apart(
            ours.mean_fisher_z if problem.comparison == "z" else ours.fisher_z.mean(axis=0),
            read(f"{run}_res").mean(axis=0),
        ),
    }
    if not (out / f"{run}_r_all200.csv").exists():
        return found
    orders = [read(f"perm200_ord_i{i}").astype(int) - 1 for i in (1, 2)]
    n1, n2 = len(problem.patients), len(problem.controls)
    stay = math.floor(n1 * n1 / (n1 + n2) + 0.5)
    null = statistic(problem, *regroup(orders[0], orders[1] + n1, stay))
    found["permutations_200"] = apart(null, read(f"{run}_r_all200"))
    found["p_200"] = apart(p_value(ours.mean_fisher_z, null), read(f"{run}_exactp200")[0])
    if (out / f"{run}_exactp10000.csv").exists():
        found |= exact_p(problem, read(f"{run}_exactp10000")[0])
    return found


def exact_p(problem, theirs) -> dict[str, float]:
    """Compare p of own draws with theirs: largest difference, and in Monte Carlo errors."""
    from rt1t2_dask.receptors.colocalisation import conclude, null_batch
    from rt1t2_dask.receptors.relabelings import n_batches

    batches = [null_batch(problem, k, 0) for k in range(n_batches(DRAWS))]
    p = conclude(problem, batches, n_permutations=DRAWS, seed=0).p_permutation
    pooled = (p + theirs) / 2
    error = np.sqrt(2 * pooled * (1 - pooled) / DRAWS)
    return {
        "p_10000": apart(p, theirs),
        "p_10000_largest_se": float(error.max()),
        "p_10000_in_se": float(np.max(np.abs(p - theirs) / error)),
    }


def problem_of(out: Path, run: str):
    """Give the problem JuSpace solved, missing regions left out for everybody."""
    from rt1t2_dask.receptors.problem import Problem

    read = reader(out)
    case, option, adjusted = run.split("_")
    return Problem(
        read(f"{case}_D1"),
        read(f"{case}_D2"),
        read("data_PET"),
        read("T1_gm")[0] if adjusted == "adj1" else None,
        "listwise",
        KINDS[option[4]],
        COMPARISONS[option[3]],
        relabelings="fixed_number",
    )


def rows_apart(problem, theirs) -> float:
    """Compare what is correlated, where both have it."""
    from rt1t2_dask.receptors.problem import patient_z

    ours = patient_z(problem)
    if theirs.shape != ours.shape:
        ours = ours[:, ~np.isnan(ours).any(axis=0)]
    both = ~np.isnan(ours) & ~np.isnan(theirs)
    return apart(ours[both], theirs[both])


def parcel_means(folder: Path) -> float:
    """Compare means of every image and receptor map, from the files themselves."""
    from rt1t2_dask import assets, atlas
    from rt1t2_dask.images import nifti
    from rt1t2_dask.receptors.maps import means_from_map, shipped_means

    read = reader(folder / "out")
    content = assets.read(assets.resolve("neuromorphometrics"))
    labels = atlas.neuromorphometrics(nifti.from_bytes(content, "atlas", kind="map"))
    order = (folder / "out" / "pet_order.txt").read_text().split()
    worst = [apart(shipped_means()[order].to_numpy().T, read("data_PET"))]
    for case, table, stem in (("clean", "D1", "pat"), ("clean", "D2", "con"), ("nan", "D1", "pat")):
        for i, expected in enumerate(read(f"{case}_{table}"), 1):
            path = (
                folder
                / "inputs"
                / f"{stem}{i:02d}{'nan' if case == 'nan' and i == 3 else ''}.nii.gz"
            )
            volume = nifti.from_bytes(path.read_bytes(), path.name, kind="map")
            worst.append(apart(means_from_map(volume, labels), expected))
    return max(worst)


def apart(ours, theirs) -> float:
    """Largest absolute difference; what is missing must be so on both sides."""
    if np.shape(ours) != np.shape(theirs) or (np.isnan(ours) != np.isnan(theirs)).any():
        return float("inf")
    return float(np.nanmax(np.abs(np.asarray(ours) - theirs), initial=0.0))


def reader(out: Path):
    return lambda name: np.loadtxt(out / f"{name}.csv", delimiter=",", ndmin=2)


if __name__ == "__main__":
    import json

    print(json.dumps(oracle()))
