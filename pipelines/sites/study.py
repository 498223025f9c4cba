"""A multi-site study: its people, its plan, and the parts that are copied."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from rt1t2_dask.bids.labels import with_similar
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.engine.volumes import grid_of
from rt1t2_dask.pipelines.images.plan import ImagePlan, PersonPlan, plan_images, shared_tasks
from rt1t2_dask.pipelines.images.stages import SMOOTH
from rt1t2_dask.pipelines.people.inputs import Found
from rt1t2_dask.pipelines.people.kinds import listed_out
from rt1t2_dask.pipelines.people.table import COVARIATE, read_people, read_table, valid_people
from rt1t2_dask.pipelines.registry import read_by_group
from rt1t2_dask.storage.parts import Lake

GRID_TOLERANCE_MM = 0.01


@dataclass(frozen=True)
class Remote:
    """A site with its own lake or workers."""

    config: Config
    images: ImagePlan


@dataclass(frozen=True)
class SitesPlan(ImagePlan):
    """The image halves of all sites.

    Parameters
    ----------
    local : tuple of ImagePlan
        Of the sites that share the study's lake and workers.
    remote : tuple of Remote
        The others; of their people only what the group half reads is known here.
    """

    local: tuple[ImagePlan, ...] = ()
    remote: tuple[Remote, ...] = ()

    def tasks(self) -> list[Task]:
        """Return every local task, parents before children."""
        own = (task for plan in self.local for task in plan.tasks())
        return [*self.shared.values(), *own]


def configs(config: Config) -> dict[str, Config]:
    """Return the configuration of each source of images, by the name of its site.

    Raises
    ------
    UserError
        Sites cannot be combined.
    """
    found = {site: config.at(site) for site in config.cohort.sites}
    for site, own in found.items():
        if own.source.kind != config.source.kind:
            raise UserError(
                f"site {site} has source.kind={own.source.kind}, the study {config.source.kind}; "
                f"set source={own.source.kind} for the study, or the same kind for the site."
            )
        if own.calibration.kind != config.calibration.kind:
            raise UserError(
                f"site {site} has calibration.kind={own.calibration.kind}, the study "
                f"{config.calibration.kind}: their units differ; choose one for all sites."
            )
        if own.calibration.reference == "controls":
            raise UserError(
                f"site {site}: calibration.reference=controls calibrates each site to its own "
                f"controls; with cohort.sites set calibration.reference=icbm."
            )
    return found or {"": config}


def read_everybody(config: Config) -> pd.DataFrame:
    """Read the people of all sites; columns as `read_people`, with the site as a covariate.

    Raises
    ------
    UserError
        Names the site: it cannot be reached, has one group only, or shares labels or uses other
        codes.
    """
    if config.cohort.sites:
        return joined(config, {site: _read(site, own) for site, own in configs(config).items()})
    people = read_people(config)
    check_groups(config, people)
    return people


def joined(config: Config, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Join the participants tables of several sites.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Of each site, as `rt1t2_dask.pipelines.people.table.read_table` reads it.

    Returns
    -------
    DataFrame
        As `read_everybody`; raises what it raises.
    """
    everybody = {label for rows in tables.values() for label in rows["participant_id"]}
    out = {
        "cohort.exclude lists": listed_out(config.cohort),
        "cohort.ratings excludes": config.cohort.rated_out,
    }
    for said, labels in out.items():
        if unknown := sorted(labels - everybody):
            raise UserError(
                f"{said} {len(unknown)} people who are at no site: "
                f"{with_similar(unknown, everybody)}."
            )
    chosen = {site: _chosen(site, config, rows) for site, rows in tables.items()}
    _check_labels(chosen)
    for site, rows in chosen.items():
        _check_own_site(site, config, rows)
    for name in (name for name in config.cohort.columns if name != config.cohort.site):
        _check_coding(name, {s: rows[COVARIATE + name] for s, rows in chosen.items()})
    column = COVARIATE + str(config.cohort.site)
    people = pd.concat(
        [rows.assign(**{column: site}) for site, rows in chosen.items()], ignore_index=True
    )
    check_groups(config, people)
    return people


def _chosen(site: str, config: Config, rows: pd.DataFrame) -> pd.DataFrame:
    try:
        return valid_people(rows, config.at(site).cohort, every_group=False)
    except UserError as error:
        raise UserError(f"site {site}: {error}") from None


def plan_study(config: Config, people: pd.DataFrame, found: Found | None = None) -> ImagePlan:
    """Plan the parts of every person at every site; ``found`` as in `plan_images`."""
    if not config.cohort.sites:
        return plan_images(config, people, found)
    column = COVARIATE + str(config.cohort.site)
    local, remote, plans = [], [], []
    for site, own in configs(config).items():
        images = plan_images(own, people[people[column] == site])
        if config.cohort.sites[site].elsewhere:
            remote.append(Remote(own, images))
            plans += [_moved(plan) for plan in images.people]
        else:
            local.append(images)
            plans += images.people
    failures = tuple(f for images in local for f in images.failures)
    shared = shared_tasks(config)
    return SitesPlan(shared, tuple(plans), failures, None, tuple(local), tuple(remote))


def move(site: Remote, target: Lake, people: Sequence[PersonPlan]) -> int:
    """Copy a site's parts for the group statistics into the study's lake.

    Returns
    -------
    int
        Number of parts copied; existing ones are not.
    """
    lake = Lake(site.config.storage.url, site.config.storage.options())
    parts = [
        plan.part(stage) for plan in people for stage in read_by_group() if stage in plan.tasks
    ]
    missing = [part for part in parts if not target.is_complete(part)]
    for part in missing:
        target.write_objects(part, lake.whole(part), record=lake.record(part))
    return len(missing)


def check_grids(
    lake: Lake, config: Config, people: pd.DataFrame, plans: Sequence[PersonPlan]
) -> None:
    """Compare the grids of the sites' maps, by the first person of each.

    Raises
    ------
    UserError
        Names the two sites whose grids differ.
    """
    where = sites_of(config, people)
    first: dict[str, PersonPlan] = {}
    for plan in plans:
        first.setdefault(where.get(plan.person.label, ""), plan)
    grids = {s: grid_of(lake.read(p.part(SMOOTH))["smoothed"]) for s, p in first.items()}
    for one, other in itertools.pairwise(grids):
        if not grids[one].same_as(grids[other], GRID_TOLERANCE_MM):
            raise UserError(
                f"site {other} has maps of {grids[other].shape} voxels, site {one} of "
                f"{grids[one].shape}, or their affines differ; resample both to one grid "
                f"(template.voxel_mm for scans; ready-made maps are never resampled)."
            )


def sites_of(config: Config, people: pd.DataFrame) -> Mapping[str, str]:
    """Return the site of each label; empty for one site."""
    if config.cohort.site is None:
        return {}
    names = people[COVARIATE + config.cohort.site].astype(str)
    return dict(zip(people["participant_id"], names, strict=True))


def _moved(plan: PersonPlan) -> PersonPlan:
    kept = {stage: plan.tasks[stage] for stage in read_by_group() if stage in plan.tasks}
    return replace(plan, tasks=kept)


def _read(site: str, config: Config) -> pd.DataFrame:
    try:
        return read_table(config)
    except UserError as error:
        raise UserError(f"site {site}: {error}") from None
    except (OSError, RunError) as error:
        raise UserError(
            f"site {site}: {config.source.root} cannot be reached ({error}); correct "
            f"cohort.sites.{site}.source.root, or leave the site out."
        ) from None


def _check_labels(tables: Mapping[str, pd.DataFrame]) -> None:
    for (one, first), (other, second) in itertools.combinations(tables.items(), 2):
        both = sorted(set(first["participant_id"]) & set(second["participant_id"]))
        if both:
            raise UserError(
                f"sites {one} and {other} both have {both[0]} ({len(both)} shared labels); a "
                f"label is one person: rename them at one site, or exclude them there."
            )


def _check_own_site(site: str, config: Config, rows: pd.DataFrame) -> None:
    """Refuse a covariate with the name of the site column, which would be overwritten."""
    name = str(config.cohort.site)
    own = rows.get(COVARIATE + name, pd.Series(dtype=object))
    if not own.isin([site]).all():
        raise UserError(
            f"site {site}: column {name} is reserved for the name of the site, but has "
            f"{own.iloc[0]}; "
            f"rename it in {config.cohort.participants}, or leave {name} out of cohort.covariates."
        )


def _check_coding(name: str, columns: Mapping[str, pd.Series[str]]) -> None:
    """Refuse numbers at one site and text at another, and disjoint levels."""

    def coded(values: pd.Series[str]) -> str:
        return ", ".join(map(str, sorted(values.dropna().astype(str).unique())[:4]))

    for (one, first), (other, second) in itertools.combinations(columns.items(), 2):
        if _coded_apart(first, second):
            raise UserError(
                f"covariate {name} is coded {coded(first)} at site {one} and {coded(second)} at "
                f"site {other}; code it the same way in both participants tables."
            )


def _coded_apart(first: pd.Series[str], second: pd.Series[str]) -> bool:
    numbers = [pd.api.types.is_numeric_dtype(values) for values in (first, second)]
    if any(numbers):
        return not all(numbers)
    return not set(first.dropna()) & set(second.dropna())


def check_groups(config: Config, people: pd.DataFrame) -> None:
    """Refuse empty groups, and sites confounded with groups.

    Raises
    ------
    UserError
        Names the group or the site.
    """
    for name, value in config.cohort.groups.items():
        if not (people["group"] == name).any():
            raise UserError(f"cohort.groups.{name}={value}: no site has people in it.")
    if config.cohort.site is None or config.site.model == "none":
        return
    named = people.assign(site=people[COVARIATE + config.cohort.site])
    for site, rows in named.groupby("site"):
        groups = rows["group"].unique()
        if len(groups) < min(2, len(config.cohort.groups)):
            raise UserError(
                f"site {site} has people of {groups[0]} only: site and group are confounded "
                f"there. Leave the site out, or set site.model=none."
            )
