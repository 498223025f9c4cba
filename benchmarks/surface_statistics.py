"""Permutation inference on meshes: exactness of TFCE, false positives, CPU against nilearn.

Run: python -m benchmarks.surface_statistics [key ...] [--cohorts 500] [--permutations 1000]
Needs the fsaverage5 surfaces of nilearn's package. CPU time, one thread; the last line is JSON.
SIMULATED DATA: noise smoothed over neighbours of both hemispheres of fsaverage5 (20,484 vertices).
"""

from __future__ import annotations

import argparse
import os
import warnings
from functools import cache

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from permutation import cpu, ours, peer, two_groups  # noqa: E402
from scipy.sparse import coo_array, dia_array  # noqa: E402
from scipy.sparse.csgraph import connected_components  # noqa: E402
from scipy.spatial import ConvexHull  # noqa: E402
from summary.figures import conclude  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

from rt1t2_dask import assets  # noqa: E402
from rt1t2_dask.morphometry.surface import SURFACES, hemisphere  # noqa: E402
from rt1t2_dask.stats import permutation_test, two_sample  # noqa: E402
from rt1t2_dask.stats.glm.noise import standardised_residuals  # noqa: E402
from rt1t2_dask.stats.mesh.neighbourhood import SearchMesh, neighbourhood  # noqa: E402
from rt1t2_dask.stats.mesh.smoothness import fwhm_mm  # noqa: E402
from rt1t2_dask.stats.mesh.workspace import mesh_tfce  # noqa: E402
from rt1t2_dask.stats.permutation.null import critical_value  # noqa: E402

NULL_N, NULL_PERMUTATIONS, ALPHA = 12, 200, 0.05
SMOOTHING = 12  # averages over neighbours: 18 mm FWHM on fsaverage5, see noise_fwhm_mm
N = (11, 18)
STATISTICS = ("extent", "mass", "tfce")


def areas_of(faces, points):
    """Area of each vertex in mm^2: a third of its triangles."""
    a, b, c = (points[faces[:, k]] for k in range(3))
    face = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    return np.bincount(faces.ravel(), np.repeat(face / 3, 3), len(points))


@cache
def hemispheres():
    """Both sides of fsaverage5, midthickness in MNI305 mm."""
    return [
        hemisphere({n: assets.read(assets.resolve(f"fsaverage5_{n}_{side}")) for n in SURFACES})
        for side in ("left", "right")
    ]


@cache
def fsaverage5():
    """Both hemispheres as one mesh, areas of the midthickness."""
    sides = [SearchMesh(side.faces, areas_of(side.faces, side.middle)) for side in hemispheres()]
    return SearchMesh.joined(sides)


@cache
def spheres(vertices):
    """Two spheres of evenly spread vertices as one mesh, about 2 mm apart on 32,492."""
    k = np.arange(vertices) + 0.5
    z, turn = 1 - 2 * k / vertices, np.pi * (1 + 5**0.5) * k
    ring = np.sqrt(1 - z**2)
    points = 100 * np.stack([ring * np.cos(turn), ring * np.sin(turn), z], axis=1)
    faces = ConvexHull(points).simplices
    one = SearchMesh(faces, areas_of(faces, points))
    return SearchMesh.joined([one, one])


@cache
def averaging(mesh_name):
    """Matrix that averages each vertex with its neighbours."""
    mesh = {"fsaverage5": fsaverage5}.get(mesh_name, lambda: spheres(int(mesh_name)))()
    space = neighbourhood(mesh)
    one, other = space.edges()
    size = mesh.vertices
    links = coo_array((np.ones(len(one)), (one, other)), (size, size))
    whole = (links + links.T + dia_array((np.ones(size), 0), (size, size))).tocsr()
    return dia_array((1 / whole.sum(axis=1), 0), (size, size)) @ whole


def noise(rng, people, mesh_name="fsaverage5", times=SMOOTHING):
    """Smooth maps of variance about 1, shape (person, vertex)."""
    matrix = averaging(mesh_name)
    maps = rng.standard_normal((matrix.shape[0], people))
    for _ in range(times):
        maps = matrix @ maps
    return np.ascontiguousarray((maps / maps.std()).T, np.float32)


def labelled_tfce(mesh, values, inside, extent=1.0, height=2.0):
    """TFCE of a positive map by scipy's components at each height that occurs."""
    sides = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [0, 2]]])
    values = np.where(inside, values, 0).astype(np.float64)
    lower = values[sides].min(axis=1)
    out, low = np.zeros(mesh.vertices), 0.0
    for high in np.unique(values[values > 0]):
        kept = sides[lower >= high]
        size = (mesh.vertices, mesh.vertices)
        graph = coo_array((np.ones(len(kept), np.int8), tuple(kept.T)), size)
        labels = connected_components(graph, directed=False)[1]
        total = np.bincount(labels, mesh.areas)[labels]
        piece = (high ** (height + 1) - low ** (height + 1)) / (height + 1)
        out += np.where(values >= high, total**extent * piece, 0)
        low = high
    return out


def tfce_difference(options):
    """Largest relative difference from TFCE by labelling: every height, ties, random masks."""
    mesh, rng, worst = fsaverage5(), np.random.default_rng(1), 0.0
    for levels, share in ((0, 1.0), *((50, 0.9),) * options.maps, *((20, 0.5),) * options.maps):
        (values,) = noise(rng, 1, times=4)
        values = np.round(values * levels) / np.float32(levels) if levels else values
        inside = rng.random(mesh.vertices) < share
        found = mesh_tfce(values[inside], neighbourhood(mesh, inside))
        up, down = (labelled_tfce(mesh, side * values, inside) for side in (1, -1))
        expected = (up - down)[inside]
        worst = max(worst, float(np.abs(found - expected).max() / np.abs(expected).max()))
    return {"tfce_difference": worst}


def false_positives(options):
    """Rate of null cohorts of 12 and 12 people with any vertex found, by statistic."""
    mesh, groups = fsaverage5(), ["a"] * NULL_N + ["b"] * NULL_N
    design = two_sample(groups, "a", "b")
    names = {"max_t": "p_fwe"} | {name: f"p_fwe_{name}" for name in STATISTICS}
    found = dict.fromkeys(names, 0)
    for cohort in range(options.cohorts):
        data = noise(np.random.default_rng([24, cohort]), 2 * NULL_N)
        tested = permutation_test(
            data, design, n=NULL_PERMUTATIONS, seed=cohort, statistics=STATISTICS, mesh=mesh
        )
        for name, key in names.items():
            found[name] += bool((tested[key] < ALPHA).any())
        if options.say and cohort % 50 == 49:
            print(cohort + 1, found, flush=True)
    rates = {f"fwe_{name}": count / options.cohorts for name, count in found.items()}
    return rates | {"noise_fwhm_mm": width(data, design)}


def width(data, design):
    """FWHM in mm of maps on fsaverage5."""
    places = np.concatenate([side.middle for side in hemispheres()])
    residuals = standardised_residuals(data, design)
    return fwhm_mm(residuals, neighbourhood(fsaverage5()), places, design.dof)


def people(mesh_name):
    """Maps of 29 people, and their age and sex."""
    rng = np.random.default_rng(0)
    data = 1.5 + noise(rng, sum(N), mesh_name, 6)
    covariates = np.column_stack([rng.normal(65, 8, sum(N)), rng.integers(0, 2, sum(N))])
    return data, covariates


def against_nilearn(mesh_name, options):
    """nilearn's CPU over ours for max-t permutations of the same orders, and what differs."""
    data, covariates = people(mesh_name)
    model = two_groups(covariates)
    ours(data[:, :2000], model, 64, "freedman_lane")  # compiles
    count, seconds = options.permutations, {"nilearn": [], "ours": []}
    for _ in range(options.rounds):
        spent, exact = cpu(lambda: ours(data, model, count, "freedman_lane"))
        seconds["ours"].append(spent)
        spent, output = cpu(lambda: peer(data, covariates, count))
        seconds["nilearn"].append(spent)
    best = {name: min(values) for name, values in seconds.items()}
    theirs = output["h0_max_t"].ravel()
    tested = permutation_test(data, model, n=9)["statistic"].to_numpy()
    critical = [critical_value(null) for null in (exact, theirs)]
    return best, {
        "t_difference": float(np.abs(tested - output["t"].ravel()).max()),
        "max_t_difference": float(np.abs(exact - theirs).max()),
        "critical_t": {"ours": critical[0], "nilearn": critical[1]},
    }


def cpu_ratio(options):
    """nilearn's CPU over ours on 2 x 10,242 vertices."""
    best, agreement = against_nilearn("fsaverage5", options)
    return {"cpu_ratio": best["nilearn"] / best["ours"], "cpu_s": best} | agreement


def cpu_ratio_32k(options):
    """nilearn's CPU over ours on 2 x 32,492 vertices."""
    best, agreement = against_nilearn("32492", options)
    ratio = {"cpu_ratio_32k": best["nilearn"] / best["ours"], "cpu_s_32k": best}
    return ratio | {"max_t_difference_32k": agreement["max_t_difference"]}


def cpu_tfce(options):
    """CPU seconds of permutation_test on 2 x 10,242 vertices, max-t alone and every statistic."""
    data, covariates = people("fsaverage5")
    model, mesh = two_groups(covariates), fsaverage5()
    seconds = {}
    for name, statistics in (("max_t", ()), ("extent_mass_tfce", STATISTICS)):
        known = {"statistics": statistics, "mesh": mesh}
        permutation_test(data, model, n=3, **known)
        spent, _ = cpu(lambda: permutation_test(data, model, n=options.permutations, **known))  # noqa: B023
        seconds[f"cpu_s_{name}"] = spent
    return seconds


KEYS = {
    "tfce_difference": tfce_difference,
    "false_positives": false_positives,
    "cpu_ratio": cpu_ratio,
    "cpu_ratio_32k": cpu_ratio_32k,
    "cpu_tfce": cpu_tfce,
}


def main():
    """Print a line a figure, and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("key", nargs="*", metavar="key", help=f"of {', '.join(KEYS)}; default all")
    parser.add_argument("--cohorts", type=int, default=500)
    parser.add_argument("--permutations", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--maps", type=int, default=3)
    parser.add_argument("--say", action="store_true", help="print the count of found as it grows")
    options = parser.parse_args()
    if unknown := sorted(set(options.key) - set(KEYS)):
        parser.error(f"no key {', '.join(unknown)}; there are {', '.join(KEYS)}")
    warnings.filterwarnings("ignore")
    result = {"vertices": fsaverage5().vertices}
    with threadpool_limits(1):
        for key in options.key or KEYS:
            result |= KEYS[key](options)
    conclude("surface_statistics", result)


if __name__ == "__main__":
    main()
