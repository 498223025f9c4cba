"""The report of a study of regional tables: one self-contained HTML file."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from rt1t2_dask import __version__
from rt1t2_dask.report.figures.picture import Picture
from rt1t2_dask.report.morphometry.content import MorphometryContent, RegionResult
from rt1t2_dask.report.morphometry.figures import (
    across_brain,
    effect_bars,
    global_strip,
    network_matrices,
    pls_scatter,
    region_brain,
)
from rt1t2_dask.report.morphometry.how_to_read import how_to_read
from rt1t2_dask.report.morphometry.planted import every_table, planted_section
from rt1t2_dask.report.morphometry.words import PAPER, limits, methods
from rt1t2_dask.report.numbers import decimal, p_phrase, plural, thousands
from rt1t2_dask.report.page import Figure, figure_of
from rt1t2_dask.report.sections import tables
from rt1t2_dask.report.sections.effect_words import SIZES, size_of
from rt1t2_dask.report.sections.section import Section
from rt1t2_dask.report.sections.table import Table, from_frame
from rt1t2_dask.report.summary import summary
from rt1t2_dask.report.templating import environment

TOP, ALPHA = 15, 0.05


@dataclass(frozen=True)
class Download:
    """A table embedded in the page as a download."""

    name: str
    address: str


@dataclass(frozen=True)
class Part:
    """A section with its downloads."""

    section: Section
    figures: tuple[Figure, ...]
    downloads: tuple[Download, ...]


def draw(content: MorphometryContent) -> dict[str, Picture]:
    """Draw every figure with data in the content, by file stem."""
    drawn: dict[str, Picture | None] = {"effects": effect_bars(content)}
    if content.networks:
        drawn |= {"networks": network_matrices(content), "global_similarity": global_strip(content)}
    for result in content.contrasts:
        drawn[f"contrast-{result.map_name}_surface"] = region_brain(result, content)
    for measure in content.across:
        drawn[f"cohorts-{measure}_surface"] = across_brain(measure, content)
    for tested in content.tested:
        drawn[f"transcriptome-{tested.name}_pls"] = pls_scatter(tested, content)
    return {name: picture for name, picture in drawn.items() if picture is not None}


def render(content: MorphometryContent, pictures: Mapping[str, Picture] | None = None) -> str:
    """Render the page as self-contained HTML."""
    drawn = draw(content) if pictures is None else pictures
    seeded = "simulated" if content.seed is None else f"simulated, seed {content.seed}"
    data = seeded if content.simulated else "measured"
    people = ", ".join(f"{name} {thousands(n)}" for name, n in content.groups.items())
    return (
        environment()
        .get_template("morphometry.html")
        .render(
            content=content,
            simulated=content.simulated,
            version=__version__,
            strip={
                "Cohort": content.cohort, "People": people, "Method": content.method, "Data": data,
                "Features": ", ".join(content.features), "Regions": str(len(content.regions)),
            },
            headline=headline(content),
            reading=how_to_read(content),
            parts=[_part(s, content, drawn) for s in sections(content, drawn)],
            limits=limits(content),
            methods=methods(content),
            assets=tables.assets(content.assets),
            summary=summary(content.changed, content.provenance),
        )
    )  # fmt: skip


def headline(content: MorphometryContent) -> list[str]:
    """Summarise the results in numbers, beside those of the paper."""
    lines = [_contrast_sentence(result) for result in content.contrasts]
    for measure, rows in content.across.items():
        found, agree = (rows["q_stouffer"] <= ALPHA).sum(), rows["consistent"].sum()
        lines.append(
            f"Cohorts together ({measure}): {plural(int(found), 'region')} with q <= .05 by "
            f"Stouffer's method; the sign agrees in {int(agree)} of {len(rows)} regions."
        )
    shares = ", ".join(
        f"{t.name} {decimal(100 * t.summary['explained'][0], 1)} % "
        f"(p {p_phrase(t.summary['p_spin'][0])})"
        for t in content.tested
    )
    if shares:
        genes = "SIMULATED gene expression" if content.simulated_genes else "gene expression"
        lines.append(f"Variance of each map explained by {genes}, with spin p: {shares}.")
    return [*lines, PAPER]


def _contrast_sentence(result: RegionResult) -> str:
    rows = result.regions.dropna(subset=["t"])
    found = int((rows["q_fdr"] <= ALPHA).sum())
    top = rows.iloc[int(rows["t"].abs().to_numpy().argmax())]
    size = size_of(rows)
    g = f", {SIZES[size]} {decimal(top[size])}" if result.statistic == "t" else ""
    return (
        f"{result.title} ({result.measure}): {found} of {plural(len(rows), 'region')} with q <= "
        f".05; the largest |{result.statistic}| is {decimal(top['t'])} in {top['region']}{g}."
    )


def sections(content: MorphometryContent, drawn: Mapping[str, Picture]) -> list[Section]:
    """Return the page's sections in order."""
    found = [_people(content), _overview(content, drawn)]
    found += [_contrast(result, drawn) for result in content.contrasts]
    found += [_across(measure, content, drawn) for measure in content.across]
    if content.correlations is not None:
        rows = content.correlations
        words: tuple[str, ...] = (
            "Pearson's r and Spearman's rho over the regions that both maps have; p under "
            "spins of the first map, n/a where regions have no sphere coordinates. Maps of "
            "contrasts that share people are correlated for that reason alone.",
        )
        if content.simulated_genes:
            words = (*words, _OTHER_NOTE)
        found.append(Section("maps", "Maps compared", (), words, (_table(rows, "Maps"),)))
    if (planted := planted_section(content)) is not None:
        found.append(planted)
    return found + [_genes(k, content, drawn) for k in range(len(content.tested))]


def _table(rows: pd.DataFrame, caption: str, footnotes: Sequence[str] = ()) -> Table:
    """Return a table whose regions are not cluster peaks."""
    return from_frame(rows.rename(columns={"region": "region_name"}), caption, footnotes)


def _chosen(drawn: Mapping[str, Picture], *stems: str) -> dict[str, Picture]:
    return {stem: drawn[stem] for stem in stems if stem in drawn}


def _people(content: MorphometryContent) -> Section:
    shown: list[Table] = []
    shown += [*_demographics(content.demographics), *content.people]
    for rows, caption in (
        (content.failures, "Excluded for too few regions"),
        (content.missing, "Missing values"),
        (content.outliers, "Outliers"),
    ):
        if len(rows):
            shown.append(_table(rows, caption))
    return Section("people", "People and data", (), tuple(content.notes), tuple(shown))


def _demographics(rows: pd.DataFrame) -> list[Table]:
    """Return one table, or one per contrast where cohorts have their own controls."""
    if rows.empty or "contrast" not in rows:
        return [] if rows.empty else [tables.demographics(rows)]
    return [
        replace(tables.demographics(own), caption=f"Age and sex by group: {name}")
        for name, own in rows.groupby("contrast", sort=False)
    ]


def _overview(content: MorphometryContent, drawn: Mapping[str, Picture]) -> Section:
    title = "Similarity networks" if content.networks else "Effects by region"
    chosen = _chosen(drawn, "networks", "global_similarity", "effects")
    pictures = {f"networks-{stem}": picture for stem, picture in chosen.items()}
    return Section("networks", title, pictures=pictures)


def _contrast(result: RegionResult, drawn: Mapping[str, Picture]) -> Section:
    anchor = f"contrast-{result.map_name}"
    order = result.regions["t"].abs().sort_values(ascending=False, kind="stable").index
    size = size_of(result.regions)
    columns = ["region", "t", "p", "q_fdr", "p_fwe_max_t", size]
    columns += [f"{size}_ci_low", f"{size}_ci_high", "n"]
    rows = pd.concat([result.rows.iloc[[-1]], result.regions.loc[order]])[columns]
    note = "Ordered by |t|; the first row is the mean of all regions. q over regions, two-sided p."
    return Section(
        anchor,
        f"{result.title}: {result.measure}",
        (),
        (_contrast_sentence(result),),
        (_table(rows, f"{result.measure} by region", (note,)),),
        _chosen(drawn, f"{anchor}_surface"),
    )


def _across(measure: str, content: MorphometryContent, drawn: Mapping[str, Picture]) -> Section:
    rows = content.across[measure].sort_values("p_stouffer", kind="stable")
    own = [c for c in content.contrasts if c.measure == measure]
    signs = "; ".join(f"{c.name} {c.positive}" for c in own)
    words = (
        f"A positive t means: {signs}. Check that all have the same direction.",
        "Cohorts share no people. Fisher's p tests whether any cohort differs, in either "
        "direction; Stouffer's, weighted by the root of n, whether they differ in the same "
        "direction.",
    )
    view = _table(rows, f"{measure} over cohorts")
    pictures = _chosen(drawn, f"cohorts-{measure}_surface")
    return Section(
        f"cohorts-{measure}", f"Cohorts together: {measure}", (), words, (view,), pictures
    )


def _genes(k: int, content: MorphometryContent, drawn: Mapping[str, Picture]) -> Section:
    tested = content.tested[k]
    anchor = f"transcriptome-{tested.name}"
    summary = tested.summary
    shares = pd.DataFrame(
        {
            "component": range(1, len(summary["explained"]) + 1),
            "variance_explained": summary["explained"],
            "p_spin": summary["p_spin"],
            "p_spin_cumulative": summary["p_spin_cumulative"],
        }
    )
    ends = pd.concat([tested.genes.head(TOP), tested.genes.tail(TOP)])
    note = f"The {TOP} highest and lowest Z of component 1; the file below has all genes."
    shown = [
        _table(shares, "Variance of the map explained"),
        _table(tested.sets.sort_values("p_spin", kind="stable"), "Gene sets", (_SETS_NOTE,)),
        _table(ends, "Genes", (note, _Z_NOTE)),
    ]
    several = f" (maps {', '.join(summary['maps'])} as columns)" if len(summary["maps"]) > 1 else ""
    words: tuple[str, ...] = (
        f"{summary['n_regions']} regions of the left cortex, {thousands(summary['n_genes'])} genes"
        f"{several}.",
    )
    if content.simulated_genes:
        words = (*words, _SIMULATED_NOTE)
    if summary["subcortex"]:
        words = (*words, _DEEP_NOTE.format(", ".join(summary["subcortex"])))
    pictures = _chosen(drawn, f"{anchor}_pls")
    named = "Simulated gene expression" if content.simulated_genes else "Gene expression"
    return Section(anchor, f"{named}: {tested.name}", (), words, tuple(shown), pictures)


_OTHER_NOTE = (
    "simulatedDisorder is SIMULATED: a smooth map that was made to resemble the planted change."
)
_SIMULATED_NOTE = (
    "SIMULATED genes: SIMUP and SIMDOWN were made to follow the planted change, up and down; the "
    "others, and sets and cell classes called null, were not."
)


_DEEP_NOTE = (
    "rho_with_subcortex is over these regions and {}: descriptive, without p, because the "
    "subcortex cannot be spun on a sphere."
)
_SETS_NOTE = (
    "score: running sum along the weights (1 at the top); p among spins of the same sign; "
    "median rank 0 to 1, its p two-sided; q within a collection. Genes are not shuffled."
)
_Z_NOTE = "Z is the weight over its bootstrap standard deviation over regions; it is not a test."


def _part(section: Section, content: MorphometryContent, drawn: Mapping[str, Picture]) -> Part:
    figures = tuple(figure_of(picture) for picture in section.pictures.values())
    return Part(section, figures, tuple(_downloads(section.anchor, content)))


def _downloads(anchor: str, content: MorphometryContent) -> Sequence[Download]:
    """Embed the tables of a section in the page, gzipped."""
    stems = {"maps": ("map_correlations",), "networks": ("regional_similarity",)}
    wanted = stems.get(anchor, (anchor.replace("cohorts-", "cohorts_measure-"),))
    result = {f"contrast-{c.map_name}": c for c in content.contrasts}.get(anchor)
    if result is not None:
        wanted = (f"contrast-{result.name}_measure-{result.measure}_",)
    return [
        Download(f"{stem}.tsv.gz", _packed(rows))
        for stem, rows in every_table(content).items()
        if stem.startswith(tuple(wanted)) and anchor != "people"
    ]


def _packed(rows: pd.DataFrame) -> str:
    text = rows.to_csv(sep="\t", index=False, na_rep="n/a", float_format="%.5g")
    packed = gzip.compress(str(text).encode(), 9, mtime=0)
    return f"data:application/gzip;base64,{base64.b64encode(packed).decode('ascii')}"
