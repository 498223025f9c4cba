"""All figures of a report, by file name."""

from __future__ import annotations

from rt1t2_dask.report.content import ReportContent
from rt1t2_dask.report.figures.brain_figures import coverage_map, lesion_overlap, overview
from rt1t2_dask.report.figures.cohort_figures import ages
from rt1t2_dask.report.figures.design_figure import design_matrix
from rt1t2_dask.report.figures.flow_figure import pipeline
from rt1t2_dask.report.figures.glass_brain import glass_brain
from rt1t2_dask.report.figures.picture import Picture
from rt1t2_dask.report.figures.quality_figures import quality_strips
from rt1t2_dask.report.figures.receptor_figures import receptor_bars, receptor_heat, receptor_radar
from rt1t2_dask.report.figures.slice_figures import cluster_slices, place_slices
from rt1t2_dask.report.figures.variogram_figure import variograms


def draw_all(content: ReportContent) -> dict[str, Picture]:
    """Draw every figure with data in the content.

    Parameters
    ----------
    content : ReportContent

    Returns
    -------
    dict of str to Picture
        File stem to picture: ``contrast-<name>_glass``, ``contrast-<name>_clusters``,
        ``contrast-<name>_places``, ``contrast-<name>_overview``, ``contrast-<name>_design``,
        ``receptors_bars``, ``receptors_radar``, ``receptors_heat``,
        ``receptors_variograms``, ``participants_age``, ``pipeline``, ``lesions_overlap``,
        ``quality_numbers``, ``quality_coverage``, and those of further sections.
        Brain figures need the template; figures without data are absent.
    """
    drawn = {**_brains(content), **_designs(content), **_receptors(content)}
    drawn["participants_age"] = ages(content.participants, content.groups, content.simulated)
    drawn["pipeline"] = pipeline(content)
    if content.quality is not None:
        drawn["quality_numbers"] = quality_strips(
            content.quality, content.quality_limits, content.simulated
        )
    for section in content.sections:
        drawn.update(section.pictures)
    return {name: picture for name, picture in drawn.items() if picture is not None}


def _brains(content: ReportContent) -> dict[str, Picture | None]:
    if content.template is None:
        return {}
    drawn: dict[str, Picture | None] = {}
    for result in content.contrasts:
        stem = f"contrast-{result.name}"
        drawn[f"{stem}_clusters"] = cluster_slices(result, content.template, content.simulated)
        drawn[f"{stem}_glass"] = glass_brain(result, content.template, content.simulated)
        drawn[f"{stem}_places"] = place_slices(
            result, content.template, content.places, content.simulated
        )
        drawn[f"{stem}_overview"] = overview(result, content.template, content.simulated)
    if content.lesion_count is not None:
        drawn["lesions_overlap"] = lesion_overlap(
            content.lesion_count, content.template, content.simulated
        )
    if content.coverage is not None:
        drawn["quality_coverage"] = coverage_map(
            content.coverage, content.template, content.simulated
        )
    return drawn


def _designs(content: ReportContent) -> dict[str, Picture | None]:
    drawn: dict[str, Picture | None] = {}
    for result in content.contrasts:
        if result.details is not None:
            known = result.details
            drawn[f"contrast-{result.name}_design"] = design_matrix(
                known.matrix, known.weights, result.title, content.simulated
            )
    return drawn


def _receptors(content: ReportContent) -> dict[str, Picture | None]:
    if content.receptors is None or content.receptors.empty:
        return {}
    heat = None if content.fisher_z is None else receptor_heat(content.fisher_z, content.simulated)
    compared = content.receptor_details.get("variogram")
    return {
        "receptors_variograms": None
        if compared is None
        else variograms(compared, content.simulated),
        "receptors_heat": heat,
        "receptors_bars": receptor_bars(content.receptors, content.fisher_z, content.simulated),
        "receptors_radar": receptor_radar(content.receptors, content.simulated),
    }
