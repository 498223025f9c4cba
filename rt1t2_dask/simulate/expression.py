"""A simulated table of gene expression, gene sets, and a map of another disorder. No real gene.

Expression is smooth over the cortex, and genes rise and fall together. A few genes follow the
change of similarity that was planted in the simulated patients; sets and cell classes with those
genes stand among sets without, whose genes are as coexpressed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rt1t2_dask.morphometry.regions import desikan_labels, desikan_places, subcortex_labels

Float = NDArray[np.float64]
Index = NDArray[np.intp]
STEM = "brainstem"
N_GENES, N_PLANTED = 2000, 60
"""Genes of the table; of those, genes that rise with the planted change, and as many that fall.

With 60 of 2,000 the first PLS component is found in half of simulated tables, sets in nearly all.
"""
FOLLOWS = (0.6, 0.9)
"""Range of a planted gene's correlation with the planted change over the left cortex (our choice).
"""
# Over the left cortex of the Allen Human Brain Atlas (34 regions, 15,633 genes, abagen) components
# hold 35, 14, 10, 7 and 6 % of the variance, regions closer than 0.3 rad correlate .86, 0.3 to 0.5
# rad .51, 0.5 to 0.8 rad .23; SD over regions .11; both hemispheres .52. The next five follow that.
SHARED = (0.30, 0.12, 0.08, 0.05, 0.04)
WHITE = 0.06
LENGTH = 0.5
HEMISPHERES = 0.55
LOGIT = 0.45
N_NULL, SET_SIZE, PLANTED_IN_SET = 20, 40, 20
"""Null sets; genes of a set; those of them that follow the planted change, in planted sets (our
choice)."""
CLASSES = "BCDEF"
# A null set is drawn from the tenth of genes that load most on one direction of shared variation.
MOST = 10
DISORDER = 0.7
"""Correlation of the other disorder's map with the planted change over the cortex (our choice)."""
PLANTED = "planted"


@dataclass(frozen=True)
class SimulatedGenes:
    """What is simulated of genes.

    Parameters
    ----------
    values : ndarray, shape (region, gene)
        Expression, 0 to 1.
    regions : tuple of str
        Cortex, subcortex and brainstem: canonical names, in the order of the real table.
    genes : tuple of str
        ``SIMUP01`` rises with the planted change, ``SIMDOWN01`` falls, ``SIM0001`` does neither.
    follows : mapping of str to float
        Of planted genes: correlation they were given with the planted change.
    sets, classes : mapping of str to tuple of str
        Genes of gene sets and cell classes; the names of those with planted genes say so.
    disorder : mapping of str to float
        The other disorder's map over the cortex, z.
    """

    values: Float
    regions: tuple[str, ...]
    genes: tuple[str, ...]
    follows: Mapping[str, float]
    sets: Mapping[str, tuple[str, ...]]
    classes: Mapping[str, tuple[str, ...]]
    disorder: Mapping[str, float]


def simulate_genes(change: Mapping[str, float], seed: int) -> SimulatedGenes:
    """Simulate expression, sets and a further map.

    Parameters
    ----------
    change : mapping of str to float
        The planted change in every region of the Desikan-Killiany cortex, any unit
        (`rt1t2_dask.simulate.regions.planted_change`).
    seed : int
        With the change it decides every number.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2,)))
    cortex, planted = list(desikan_places()), np.array([change[r] for r in desikan_places()])
    root = _root(cortex)
    loadings = np.sqrt(SHARED)[:, None] * rng.standard_normal((len(SHARED), N_GENES))
    z = _background(root, loadings, rng)
    follows = rng.uniform(*FOLLOWS, 2 * N_PLANTED) * np.repeat([1.0, -1.0], N_PLANTED)
    left = np.array([name.startswith("lh_") for name in cortex])
    z[:, : len(follows)] = _following(z[:, : len(follows)], planted, follows, left)
    disorder = _following(root @ rng.standard_normal((len(cortex), 1)), planted, [DISORDER])
    named = _names()
    sets, classes = _sets(named, loadings, rng)
    whole = {**dict(zip(cortex, z, strict=True)), **_deep(rng)}
    order = _regions()
    return SimulatedGenes(
        1 / (1 + np.exp(-LOGIT * np.array([whole[region] for region in order]))),
        order,
        named,
        dict(zip(named, follows.tolist(), strict=False)),
        sets,
        classes,
        dict(zip(cortex, disorder[:, 0].tolist(), strict=True)),
    )


def _regions() -> tuple[str, ...]:
    """Order regions as the real table: by label, the brainstem last."""
    labels = {**desikan_labels(), **subcortex_labels()}
    return (*sorted(labels, key=lambda region: labels[region]), STEM)


def _names() -> tuple[str, ...]:
    up, down = ([f"SIM{way}{k + 1:02d}" for k in range(N_PLANTED)] for way in ("UP", "DOWN"))
    return (*up, *down, *(f"SIM{k + 1:04d}" for k in range(N_GENES - 2 * N_PLANTED)))


def _root(cortex: Sequence[str]) -> Float:
    """Return a root of the covariance between regions, the right hemisphere mirrored."""
    known = desikan_places()
    places = np.array([known[region] for region in cortex], np.float64)
    left = np.array([region.startswith("lh_") for region in cortex])
    unit = places / np.linalg.norm(places, axis=1, keepdims=True)
    unit = unit * np.where(left[:, None], [1.0, 1.0, 1.0], [-1.0, 1.0, 1.0])
    away = ((unit[:, None] - unit[None]) ** 2).sum(axis=2)
    near = np.exp(-away / LENGTH**2) * np.where(left[:, None] == left, 1.0, HEMISPHERES)
    return np.linalg.cholesky(near + 1e-6 * np.eye(len(unit)))


def _background(root: Float, loadings: Float, rng: np.random.Generator) -> Float:
    """Return z of every gene: shared patterns, one of its own, and noise, (region, gene)."""
    n = len(root)
    shared = root @ rng.standard_normal((n, len(loadings)))
    own = root @ rng.standard_normal((n, N_GENES))
    z = shared @ loadings + np.sqrt(1 - sum(SHARED) - WHITE) * own
    return np.asarray(z + np.sqrt(WHITE) * rng.standard_normal((n, N_GENES)))


def _following(
    z: Float, planted: Float, r: Sequence[float] | Float, over: NDArray[np.bool_] | None = None
) -> Float:
    """Give each column the correlation r with the planted change over some regions.

    Parameters
    ----------
    z : ndarray, shape (region, column)
    planted : ndarray, shape (region,)
    r : sequence of float
        Of each column, -1 to 1.
    over : ndarray of bool, shape (region,), optional
        Regions over which r is exact; all by default.
    """
    rows = np.ones(len(planted), bool) if over is None else over
    change = (planted - planted[rows].mean()) / planted[rows].std()
    rest = z - z[rows].mean(axis=0)
    rest = rest - np.outer(change, change[rows] @ rest[rows] / rows.sum())
    rest = rest / rest[rows].std(axis=0)
    wanted = np.asarray(r, np.float64)
    return np.asarray(np.outer(change, wanted) + np.sqrt(1 - wanted**2) * rest)


def _deep(rng: np.random.Generator) -> dict[str, Float]:
    """Return z of the subcortex and brainstem, which follow nothing."""
    pairs = {name.split("_", 1)[1]: rng.standard_normal(N_GENES) for name in subcortex_labels()}
    found = {
        name: np.sqrt(HEMISPHERES) * pairs[name.split("_", 1)[1]]
        + np.sqrt(1 - HEMISPHERES) * rng.standard_normal(N_GENES)
        for name in subcortex_labels()
    }
    return found | {STEM: rng.standard_normal(N_GENES)}


Sets = dict[str, tuple[str, ...]]


def _sets(names: Sequence[str], loadings: Float, rng: np.random.Generator) -> tuple[Sets, Sets]:
    """Draw planted and null gene sets, and cell classes of which one is planted."""

    def chosen(planted: range) -> tuple[str, ...]:
        followers = rng.choice(planted, PLANTED_IN_SET if planted else 0, replace=False)
        rest = _coexpressed(loadings, SET_SIZE - len(followers), rng)
        return tuple(names[k] for k in (*sorted(followers.tolist()), *rest.tolist()))

    up, down, nobody = range(N_PLANTED), range(N_PLANTED, 2 * N_PLANTED), range(0)
    sets = {f"SIMULATED {PLANTED} up": chosen(up), f"SIMULATED {PLANTED} down": chosen(down)}
    sets |= {f"SIMULATED null {k + 1:02d}": chosen(nobody) for k in range(N_NULL)}
    classes = {f"SIMULATED cell class A, {PLANTED} up": chosen(up)}
    classes |= {f"SIMULATED cell class {letter}, null": chosen(nobody) for letter in CLASSES}
    return sets, classes


def _coexpressed(loadings: Float, n: int, rng: np.random.Generator) -> Index:
    """Draw unplanted genes that load on one direction of what genes share."""
    along = rng.standard_normal(len(loadings)) @ loadings[:, 2 * N_PLANTED :]
    most = np.argsort(-along, kind="stable")[: len(along) // MOST]
    return np.sort(rng.choice(most, n, replace=False)) + 2 * N_PLANTED


def expression_table(found: SimulatedGenes) -> bytes:
    """Write expression as the real table is: label, region, one column a gene."""
    rows = pd.DataFrame(found.values, columns=list(found.genes))
    rows.insert(0, "Region", [_as_in_the_table(region) for region in found.regions])
    rows.insert(0, "label", range(1, len(rows) + 1))
    text = rows.to_csv(index=False, lineterminator="\n", float_format="%.6g")
    return str(text).encode()


def _as_in_the_table(region: str) -> str:
    return region if region == STEM else f"{region[0].upper()}_{region.split('_', 1)[1]}"


def gene_sets(sets: Mapping[str, Sequence[str]]) -> bytes:
    """Write sets as a GMT file."""
    lines = ["\t".join((name, "SIMULATED", *genes)) for name, genes in sets.items()]
    return ("\n".join(lines) + "\n").encode()


def map_table(values: Mapping[str, float]) -> bytes:
    """Write a map as a table of region and value."""
    lines = [f"{region}\t{value:.6g}" for region, value in values.items()]
    return ("\n".join(("region\tvalue", *lines)) + "\n").encode()


def truth_table(found: SimulatedGenes) -> bytes:
    """Write what was planted: gene, correlation with the planted change."""
    lines = [f"{gene}\t{r:.6g}" for gene, r in found.follows.items()]
    return ("\n".join(("gene\tr_with_planted_change", *lines)) + "\n").encode()
