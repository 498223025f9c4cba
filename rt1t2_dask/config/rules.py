"""Rules between settings of different sections."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rt1t2_dask.config.contrasts import OneSample
from rt1t2_dask.config.surface import surfaces_have_their_scans

if TYPE_CHECKING:
    from rt1t2_dask.config.study import Config

WITH_TRANSMIT = ("bids", "derivatives", "dicom")
SYMMETRIC = "MNI152NLin2009aSym"


def _stage_and_part_go_together(config: Config) -> None:
    if (config.stage is None) != (config.part is None):
        given = f"stage={config.stage}" if config.part is None else f"part={config.part}"
        raise ValueError(
            f"{given} alone: stage and part go together; stage=ratio part=17 makes the 17th "
            "person's ratio map"
        )


def _labels_have_their_level(config: Config) -> None:
    if config.labels and config.level == "study":
        raise ValueError(
            f"labels={list(config.labels)} selects people for level=participant; use "
            f"cohort.exclude to leave people out of a study"
        )
    if config.level == "dataset" and config.check:
        raise ValueError("check=true reads a cohort: name one (--cohort FILE), or use dry_run=true")
    if config.level != "study" and config.stage is not None:
        raise ValueError(f"level={config.level} and stage={config.stage}: set one of them")
    if config.regional and config.level != "study":
        raise ValueError(f"level={config.level} is for images, not for regional tables")
    if config.regional and config.stage is not None:
        raise ValueError(f"stage={config.stage} is for images; regional tables take seconds")


def _receptor_regions_are_known(config: Config) -> None:
    atlas = config.receptors.atlas
    if not isinstance(atlas, str):
        return
    if atlas not in config.regions:
        there = ", ".join(config.regions) or "none"
        raise ValueError(
            f"receptors.atlas={atlas}: regions has no such name ({there}); name one of them, or "
            "give image and table"
        )
    if config.regions[atlas].table is None:
        raise ValueError(
            f"receptors.atlas={atlas}: regions.{atlas} is one mask, and correlations over regions "
            f"need many; give regions.{atlas}.table"
        )


def _transmit_maps_have_scans(config: Config) -> None:
    asked = config.transmit.slope
    if asked == "none":
        return
    if config.source.kind not in WITH_TRANSMIT:
        raise ValueError(
            f"transmit.slope={asked} needs a transmit map beside each person's scans "
            f"(source={', '.join(WITH_TRANSMIT)}), not source={config.source.kind}"
        )
    if config.level != "study" or config.cohort.sites:
        raise ValueError(
            f"transmit.slope={asked} corrects the maps of one study; set transmit.slope=none with "
            f"level={config.level}" + (" and cohort.sites" if config.cohort.sites else "")
        )
    if asked == "fitted" and config.space != SYMMETRIC:
        raise ValueError(
            f"transmit.slope=fitted compares left with right, for which {config.space} is not "
            f"symmetric; set template.space={SYMMETRIC}, or a slope"
        )


def _results_lie_outside_the_lake(config: Config) -> None:
    if config.output_dir.rstrip("/") == config.storage.url.rstrip("/"):
        raise ValueError(
            f"output_dir={config.output_dir} is the lake (storage.url); choose another folder"
        )


def _combat_has_sites(config: Config) -> None:
    if config.site.model == "combat" and config.cohort.site is None:
        raise ValueError("site.model=combat needs sites: set cohort.site_column or cohort.sites")


def _share_knows_what(config: Config) -> None:
    if config.share.kind == "export" and config.share.site is None:
        raise ValueError(
            "share=export needs share.site=NAME, the name of this site in the analysis"
        )
    if (config.share.kind == "combine") != bool(config.files):
        raise ValueError(
            f"share={config.share.kind} files=[{', '.join(config.files)}]: share=combine needs "
            f"files=[first.zarr.zip,second.zarr.zip]; no other choice takes files"
        )
    if config.share.kind != "none" and config.regional:
        raise ValueError(f"share={config.share.kind} is for images, not for regional tables")


def _transform_has_a_source(config: Config) -> None:
    if config.precomputed_transform and config.source.kind != "derivatives":
        raise ValueError(
            f"normalise=derivatives needs source=derivatives, not {config.source.kind}"
        )


def _regional_tables_have_their_method(config: Config) -> None:
    if config.regional != (config.method == "martins_2021"):
        raise ValueError(
            f"method={config.method} does not fit source={config.source.kind}: regional tables "
            "(source=morphometry, simulated_morphometry) and method=martins_2021 go together"
        )


def _a_tail_has_its_relabelings(config: Config) -> None:
    if config.permute.tail == "gpd" and config.permute.n:
        from rt1t2_dask.stats.permutation.pareto import (  # numba stays unloaded
            LEAST_RELABELINGS,
            too_few,
        )

        if config.permute.n < LEAST_RELABELINGS:
            raise ValueError(too_few(config.permute.n).removesuffix("."))


def _a_mean_has_its_value(config: Config) -> None:
    """Refuse a one-sample test of the ratio against 0."""
    signed = config.calibration.kind == "gm_median" and not config.source.ready_made
    for name, form in config.cohort.contrasts.items():
        asked = isinstance(form, OneSample) and form.value is None
        if asked and not (signed or config.regional):
            raise ValueError(
                f"cohort.contrasts.{name}: a T1w/T2w ratio is always above 0, so that a "
                f"one_sample test against 0 is meaningless; set the reference, such as value: "
                f"1.5 (value: 0 for signed maps)"
            )


def _tissue_weights_have_what_they_need(config: Config) -> None:
    if config.smooth.tissue == "none":
        return
    if config.source.ready_made or config.regional:
        raise ValueError(
            f"smooth.tissue=weighted needs scans, whose tissues are known; source="
            f"{config.source.kind} has none: set smooth.tissue=none"
        )
    if config.smooth.edge != "normalised" or config.report.edge_sensitivity:
        raise ValueError(
            f"smooth.tissue=weighted with smooth.edge={config.smooth.edge} and "
            f"report.edge_sensitivity={str(config.report.edge_sensitivity).lower()}: SPM's edge "
            "counts every voxel alike; set smooth.edge=normalised report.edge_sensitivity=false"
        )


def _adjusted_contrasts_have_a_covariate(config: Config) -> None:
    if config.partial_volume.covariate != "none" and config.source.ready_made:
        raise ValueError(
            f"partial_volume.covariate={config.partial_volume.covariate} needs scans, whose "
            f"tissues are known; source={config.source.kind} has none: set it to none"
        )
    if config.partial_volume.permute and config.partial_volume.covariate == "none":
        raise ValueError(
            "partial_volume.permute=true permutes the contrasts with partial_volume.covariate, "
            "which is none; set it to grey or tissue, or permute=false"
        )


def _deviating_patients_are_groups(config: Config) -> None:
    asked, reference = config.deviation.patients, config.cohort.reference
    if isinstance(asked, str):
        return
    patients = [name for name in config.cohort.groups if name != reference]
    wrong = [name for name in asked if name not in patients]
    if wrong or not asked:
        raise ValueError(
            f"deviation.patients=[{','.join(asked)}]: choose among the groups of patients "
            f"{', '.join(patients)} (the controls are {reference}), or all, or none"
        )


def _simulated_genes_go_with_simulated_people(config: Config) -> None:
    rules, source = config.transcriptome, config.source
    if not rules.simulated:
        return
    if not (source.simulated and source.regional):
        raise ValueError(
            f"transcriptome.expression=simulated with source={source.kind}: simulated genes are "
            "for source=simulated_morphometry alone; name a table of regions x genes, or leave it "
            "out"
        )
    if rules.gene_sets is not None:
        raise ValueError(
            f"transcriptome.gene_sets=[{', '.join(rules.gene_sets)}]: simulated genes are in "
            "simulated sets alone; name a table with transcriptome.expression=FILE, or leave the "
            "sets out"
        )


def _sessions_are_named(config: Config) -> None:
    """Refuse a contrast that would count a person once a session."""
    sessions = config.source.sessions
    for name, form in config.cohort.contrasts.items():
        unknown = [label for label in form.sessions_read if label not in sessions]
        if unknown:
            listed = ", ".join(sessions) or "none"
            raise ValueError(
                f"cohort.contrasts.{name} reads session {unknown[0]}, which source.session does "
                f"not list ({listed}); list it, such as source.session=[1,2]"
            )
        if sessions and not form.sessions_read:
            raise ValueError(
                f"cohort.contrasts.{name} would count people once for each of the sessions "
                f"{', '.join(sessions)}; add session: {sessions[0]} to it, or compare sessions "
                "(test: sessions or group_by_session)"
            )


def _sessions_are_of_one_study(config: Config) -> None:
    """Refuse what would take the sessions of one person for several people."""
    counted = {
        "cohort.site_column or cohort.sites": config.cohort.site,
        f"share={config.share.kind}": config.share.kind != "none",
        "calibration.reference=controls": config.calibration.reference == "controls",
    }
    asked = next((setting for setting, given in counted.items() if given), None)
    if config.source.sessions and asked:
        raise ValueError(
            f"source.session=[{', '.join(config.source.sessions)}] with {asked}, which takes every "
            "scan for another person; name one session, or leave that setting out"
        )


def _masks_are_of_their_session(config: Config) -> None:
    for role in ("lesion", "brain_mask"):
        pattern = getattr(config.source, role, None)
        if pattern and ("{session}" in pattern) != bool(config.source.sessions):
            raise ValueError(
                f"source.{role}={pattern}: {{session}} stands for the sessions that source.session "
                "lists, and is required where it lists several: each has scans of its own"
            )


RULES: tuple[Callable[[Config], None], ...] = (
    _stage_and_part_go_together,
    _labels_have_their_level,
    _results_lie_outside_the_lake,
    _combat_has_sites,
    _share_knows_what,
    _transform_has_a_source,
    _regional_tables_have_their_method,
    _a_tail_has_its_relabelings,
    _a_mean_has_its_value,
    _tissue_weights_have_what_they_need,
    _adjusted_contrasts_have_a_covariate,
    _deviating_patients_are_groups,
    _receptor_regions_are_known,
    _transmit_maps_have_scans,
    _simulated_genes_go_with_simulated_people,
    _sessions_are_named,
    _sessions_are_of_one_study,
    _masks_are_of_their_session,
    surfaces_have_their_scans,
)
"""Each raises ValueError with the conflicting settings and what to change."""
