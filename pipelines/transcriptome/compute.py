"""Stages `expression` and `transcriptome`: regional maps and gene expression."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask import assets
from rt1t2_dask.errors import SubjectError
from rt1t2_dask.morphometry.regions import SUBCORTEX, average_parts
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.tables import tsv_file
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.pipelines.morphometry.compute import places, region_map
from rt1t2_dask.stats.multiplicity import benjamini_hochberg
from rt1t2_dask.transcriptome import enrichment, genes, pls
from rt1t2_dask.transcriptome.expression import Expression, positions, read_expression, read_gmt
from rt1t2_dask.transcriptome.spins import Method as SpinMethod
from rt1t2_dask.transcriptome.spins import spin_orders

EXPRESSION, SETS = "ahba_expression", ("gene_sets_lake", "gene_sets_pooled", "gene_sets_go_pain")
GENES, ENRICHED, LIST, SUMMARY = "genes.tsv", "sets.tsv", "genes.json", "summary.json"
SET = "set:"
LEAST_REGIONS = 20

Float = NDArray[np.float64]


class TranscriptomeSettings(StageSettings):
    """The maps, the names of those that are parts in order, and how they are tested."""

    n_spins: int
    spins: SpinMethod
    n_bootstraps: int
    components: int
    rank_by: str
    seed: int
    names: tuple[str, ...]
    maps: tuple[str, ...]


def make_expression(inputs: Inputs) -> Made:
    """Read the table once; its genes lie beside the numbers."""
    if file := inputs.file(EXPRESSION):
        found = read_expression(file.read(), file.path)
    else:
        found = read_expression(assets.read(assets.resolve(EXPRESSION)), EXPRESSION)
    dataset = xr.Dataset({"expression": table("expression", found.values)})
    named = {"restored": found.restored, "ambiguous": found.ambiguous}
    record = {"regions": list(found.regions), "genes": len(found.genes)}
    listed = json.dumps({"genes": found.genes} | named).encode()
    return Made(dataset, record | {k: list(v) for k, v in named.items()}, {LIST: listed})


def _expression(inputs: Inputs) -> Expression:
    (part,) = inputs.parts("expression")
    listed = json.loads(inputs.lake.file(part, LIST))
    return Expression(
        np.asarray(inputs.array("expression", "expression"), np.float64),
        tuple(inputs.record("expression")["regions"]),
        *(tuple(listed[name]) for name in ("genes", "restored", "ambiguous")),
    )


@dataclass(frozen=True)
class _Problem:
    """Maps and expression over the left cortex.

    ``subcortex`` names the subcortical regions; ``with_subcortex`` is each gene's rho with each map
    over both, shape (gene, map).
    """

    regions: list[str]
    x: Float
    maps: Float
    orders: NDArray[np.intp]
    subcortex: list[str]
    with_subcortex: Float


def make_transcriptome(inputs: Inputs) -> Made:
    """Test maps against expression: PLS, every gene, gene sets."""
    settings, table_of_genes = inputs.settings_as(TranscriptomeSettings), _expression(inputs)
    problem = _problem(inputs, table_of_genes)
    gram = pls.gram_matrix(problem.x)
    k = settings.components
    fitted = pls.simpls(gram, problem.maps, k)
    weights = pls.gene_weights(problem.x, fitted.coefficients)
    null = pls.explained_null(gram, problem.maps, problem.orders, k)
    drawn = pls.resampled_regions(len(problem.regions), settings.n_bootstraps, settings.seed)
    strength = pls.bootstrap(problem.x, problem.maps, drawn, k)
    correlated = [
        genes.correlate(problem.x, problem.maps[:, j], problem.orders)
        for j in range(problem.maps.shape[1])
    ]
    first = correlated[0]
    sets = _sets(inputs, table_of_genes, problem, gram, weights[:, 0], first.rho)
    arrays = {
        "tested_map": problem.maps, "pls_weight": weights, "pls_z": strength.z,
        "pls_score": fitted.scores, "pls_explained": fitted.explained, "pls_null": null,
        "gene_rho": first.rho, "gene_p": first.p, "gene_p_fwe": first.p_family,
    }  # fmt: skip
    dataset = xr.Dataset({name: table(name, np.asarray(v)) for name, v in arrays.items()})
    summary = _summary(problem, fitted, null, settings)
    rows = _gene_rows(table_of_genes, weights, strength.z, correlated, problem, settings.names)
    files = {GENES: tsv_file(rows), ENRICHED: tsv_file(sets), SUMMARY: json.dumps(summary).encode()}
    return Made(dataset, {"regions": problem.regions, **summary}, files)


def _problem(inputs: Inputs, table_of_genes: Expression) -> _Problem:
    settings = inputs.settings_as(TranscriptomeSettings)
    maps = [_left(region_map(inputs, name, settings.maps)) for name in settings.names]
    known = set(table_of_genes.regions)
    maps = [m if set(m) <= known else _by_parent(m) for m in maps]
    both = [r for r in maps[0] if all(r in m and np.isfinite(m[r]) for m in maps) and r in known]
    deep = [r for r in both if r.removeprefix("lh_") in SUBCORTEX]
    regions = [r for r in both if r not in deep]
    if len(regions) < LEAST_REGIONS:
        raise SubjectError(
            f"{len(regions)} regions of the left cortex are in the map and in the expression "
            f"table; {LEAST_REGIONS} are needed",
            "name regions as in lh_insula, or set transcriptome.expression to a table of the "
            "map's parcellation",
        )
    values = np.array([[m[r] for m in maps] for r in both])
    rows = [both.index(r) for r in regions]
    x = table_of_genes.values[table_of_genes.rows(both)]  # noqa: PD011
    described = genes.unit_ranks(x).T @ genes.unit_ranks(values)
    return _Problem(
        regions,
        pls.zscore(x[rows]),
        pls.zscore(values[rows]),
        _orders(inputs, regions),
        deep,
        described if deep else np.full(described.shape, np.nan),
    )


def _orders(inputs: Inputs, regions: list[str]) -> NDArray[np.intp]:
    known, settings = places(inputs), inputs.settings_as(TranscriptomeSettings)
    if any(region not in known for region in regions):
        raise SubjectError(
            "the regions' sphere coordinates are unknown, so there is no spatial null",
            "set source.centroids, or use a map of Desikan-Killiany regions",
        )
    centres = np.array([known[region] for region in regions], np.float64)
    left = np.ones(len(regions), bool)
    return spin_orders(centres, left, settings.n_spins, settings.seed, settings.spins)


def _left(values: Mapping[str, float]) -> dict[str, float]:
    return {region: value for region, value in values.items() if region.startswith("lh_")}


def _by_parent(values: Mapping[str, float]) -> dict[str, float]:
    averaged, names = average_parts(np.array(list(values.values())), list(values))
    return dict(zip(names, averaged.tolist(), strict=True))


def _sets(
    inputs: Inputs,
    table_of_genes: Expression,
    problem: _Problem,
    gram: Float,
    weights: Float,
    rho: Float,
) -> pd.DataFrame:
    """Test every gene set along the first component, or along rho."""
    found = _collections(inputs)
    matched, _ = positions({n: g for _, n, g in found}, table_of_genes)
    if not matched:
        return pd.DataFrame(columns=[*SET_COLUMNS])
    by_rank = inputs.settings_as(TranscriptomeSettings).rank_by == "spearman"
    ranks = genes.unit_ranks(problem.x) if by_rank else problem.x

    def null(block: slice) -> Float:
        spun = problem.maps[problem.orders[block]]
        if by_rank:
            return np.asarray(genes.unit_ranks(spun[..., 0], axis=1) @ ranks)
        return np.asarray(pls.simpls(gram, spun, 1).coefficients[..., 0] @ ranks)

    members = enrichment.membership(list(matched.values()), problem.x.shape[1])
    statistic = np.nan_to_num(rho) if by_rank else weights
    result = enrichment.enrich(statistic, members, null, len(problem.orders))
    rows = pd.DataFrame(
        {
            "collection": [{n: c for c, n, _ in found}[name] for name in matched],
            "set": list(matched),
            "genes": members.size,
            "score": result.score,
            "normalised_score": result.normalised,
            "p_spin": result.p,
            "median_rank": result.median_rank,
            "p_spin_median_rank": result.p_median_rank,
        }
    )
    for p, q in (("p_spin", "q_fdr"), ("p_spin_median_rank", "q_fdr_median_rank")):
        rows[q] = rows.groupby("collection")[p].transform(benjamini_hochberg)
    return rows[[*SET_COLUMNS]]


SET_COLUMNS = (
    "collection", "set", "genes", "score", "normalised_score", "p_spin", "q_fdr", "median_rank",
    "p_spin_median_rank", "q_fdr_median_rank",
)  # fmt: skip


def _collections(inputs: Inputs) -> list[tuple[str, str, tuple[str, ...]]]:
    """Read every gene-set file: collection, set, genes; duplicate names get their collection."""
    contents = {
        name: assets.read(assets.resolve(name)) for name in inputs.task.assets if name in SETS
    }
    for role, file in inputs.task.each_file():
        if role.startswith(SET):
            contents[role.removeprefix(SET)] = file.read()
    found, seen = [], set()
    for collection, content in contents.items():
        for name, members in read_gmt(content, collection).items():
            unique = name if name not in seen else f"{name} [{collection}]"
            seen.add(unique)
            found.append((collection, unique, members))
    return found


def _summary(
    problem: _Problem, fitted: pls.Components, null: Float, settings: TranscriptomeSettings
) -> dict[str, Any]:
    each = pls.spin_p(fitted.explained, null)
    together = pls.spin_p(fitted.explained.cumsum(), null.cumsum(axis=1))
    return {
        "maps": list(settings.names),
        "n_regions": len(problem.regions),
        "subcortex": problem.subcortex,
        "n_genes": problem.x.shape[1],
        "n_spins": len(problem.orders),
        "spins": settings.spins,
        "n_bootstraps": settings.n_bootstraps,
        "explained": fitted.explained.tolist(),
        "p_spin": each.tolist(),
        "p_spin_cumulative": together.tolist(),
    }


def _gene_rows(
    table_of_genes: Expression,
    weights: Float,
    z: Float,
    correlated: list[genes.GeneCorrelation],
    problem: _Problem,
    names: Sequence[str],
) -> pd.DataFrame:
    columns: dict[str, Any] = {"gene": table_of_genes.genes}
    for k in range(weights.shape[1]):
        columns[f"pls{k + 1}_weight"], columns[f"pls{k + 1}_z"] = weights[:, k], z[:, k]
    for j, (name, found) in enumerate(zip(names, correlated, strict=True)):
        end = f"_{name}" if len(names) > 1 else ""
        columns[f"rho{end}"], columns[f"p_spin{end}"] = found.rho, found.p
        columns[f"q_fdr{end}"] = benjamini_hochberg(found.p)
        columns[f"p_fwe{end}"] = found.p_family
        if problem.subcortex:
            columns[f"rho_with_subcortex{end}"] = problem.with_subcortex[:, j]
    rows = pd.DataFrame(columns)
    return rows.sort_values("pls1_z", ascending=False, kind="stable", ignore_index=True)
