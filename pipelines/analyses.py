"""The registry of analyses: what a study of maps plans, in which order."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rt1t2_dask.config.study import Config
from rt1t2_dask.pipelines.absence.analysis import Absence
from rt1t2_dask.pipelines.adjusted.demographics import AgeAndSex
from rt1t2_dask.pipelines.adjusted.partial_volume import PartialVolume
from rt1t2_dask.pipelines.analysis import Analysis, Group, GroupPlan, Registry, plan_group
from rt1t2_dask.pipelines.calibration.analysis import Gain
from rt1t2_dask.pipelines.contrasts.analysis import Contrasts
from rt1t2_dask.pipelines.deviation.analysis import Deviation
from rt1t2_dask.pipelines.images.plan import ImagePlan, PersonPlan, rows_of
from rt1t2_dask.pipelines.ordered.analysis import OrderedGroups
from rt1t2_dask.pipelines.receptors.analysis import Receptors
from rt1t2_dask.pipelines.receptors.autocorrelation import Autocorrelation
from rt1t2_dask.pipelines.receptors.scores import ReceptorScores
from rt1t2_dask.pipelines.regions.analysis import Regions
from rt1t2_dask.pipelines.regions.own import OwnRegions
from rt1t2_dask.pipelines.reliability.analysis import Reliability
from rt1t2_dask.pipelines.sensitivity.analysis import Sensitivity
from rt1t2_dask.pipelines.share.analysis import Share
from rt1t2_dask.pipelines.sites.analysis import Harmony, MetaAnalyses, SiteEffects, SiteSection
from rt1t2_dask.pipelines.surface.analysis import SurfaceAnalysis
from rt1t2_dask.pipelines.surface.regional.analysis import SurfaceRegions
from rt1t2_dask.pipelines.surface.regional.receptors import SurfaceReceptors
from rt1t2_dask.pipelines.transmit.analysis import Transmit
from rt1t2_dask.storage.parts import Lake

ANALYSES: Registry = (
    Gain,
    Transmit,
    Harmony,
    Contrasts,
    AgeAndSex,
    PartialVolume,
    OrderedGroups,
    OwnRegions,
    SurfaceAnalysis,
    SurfaceRegions,
    Absence,
    Reliability,
    Deviation,
    Receptors,
    SurfaceReceptors,
    ReceptorScores,
    Autocorrelation,
    MetaAnalyses,
    SiteEffects,
    SiteSection,
    Regions,
    Sensitivity,
)
EXPORT: Registry = (Gain, Transmit, Share)


def registry_of(config: Config) -> Registry:
    """Return the analyses of a study of images."""
    return EXPORT if config.share.kind == "export" else ANALYSES


def plan_analyses(
    config: Config,
    lake: Lake,
    people: pd.DataFrame,
    images: ImagePlan,
    plans: Sequence[PersonPlan] | None = None,
    known: Sequence[Analysis] = (),
    predicted: bool = False,
) -> GroupPlan:
    """Plan the analyses of a study of images.

    Parameters
    ----------
    people : DataFrame
        The participants.
    images : ImagePlan
    plans : sequence of PersonPlan, optional
        Who is studied; everybody of the plan where left out.
    known : sequence of Analysis
        Analyses of the same people that are planned already.
    predicted : bool
        Whether people's files are predicted: nothing is read of them.

    Raises
    ------
    UserError
        The settings or the people do not allow an analysis.
    """
    group = group_of(config, lake, people, images, plans, predicted)
    return plan_group(group, registry_of(config), known)


def group_of(
    config: Config,
    lake: Lake,
    people: pd.DataFrame,
    images: ImagePlan,
    plans: Sequence[PersonPlan] | None = None,
    predicted: bool = False,
) -> Group:
    """Return what the analyses are planned from; parameters as `plan_analyses`."""
    own = images.people if plans is None else tuple(plans)
    shared = {role: task.part for role, task in images.shared.items()}
    return Group(config, lake, rows_of(people, own), own, shared, predicted=predicted)
