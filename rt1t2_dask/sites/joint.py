"""The joint model of all sites, built from the columns each shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import UserError
from rt1t2_dask.sites.pooled import JointModel
from rt1t2_dask.sites.shared import CONSTANT, OWN, without_own
from rt1t2_dask.stats.design import LEAST_DOF, RANK_TOLERANCE
from rt1t2_dask.stats.glm.sufficient import Sums, patterns

Float = NDArray[np.float64]


@dataclass(frozen=True)
class SiteGrams:
    """X'X of a site's cells.

    Parameters
    ----------
    site : str
    columns : tuple of str
        See `shared.Columns`.
    cells : tuple of str
        Group of each cell.
    grams : ndarray, shape (cell, column, column)
    lacking : mapping of str to tuple of str
        By group: variables missing for all of it.
    """

    site: str
    columns: tuple[str, ...]
    cells: tuple[str, ...]
    grams: Float
    lacking: dict[str, tuple[str, ...]]

    def of(self, group: str) -> Float:
        """Return X'X of a whole group."""
        chosen = [k for k, name in enumerate(self.cells) if name == group]
        return np.asarray(self.grams[chosen].sum(axis=0))


@dataclass(frozen=True)
class Wanted:
    """A contrast specification.

    Parameters
    ----------
    groups : tuple of str
        Groups whose means are the first columns.
    covariates : tuple of str
        Covariates, centred over all people.
    contrast : ndarray, shape (leading, q)
        Weights of the first columns; zero for all others.
    sites : bool
        Whether every site has its own mean.
    """

    groups: tuple[str, ...]
    covariates: tuple[str, ...]
    contrast: Float
    sites: bool


@dataclass(frozen=True)
class Joint:
    """The joint model, and the transforms from each site's columns.

    Parameters
    ----------
    names : tuple of str
    model : JointModel
    transforms : dict
        By (site, group): from the site's columns to the model's, shape (column, new).
    n, dof : int
        People, and residual degrees of freedom without missing data.
    counts : dict of str to tuple of int
        People of every group, by site.
    """

    names: tuple[str, ...]
    model: JointModel
    transforms: dict[tuple[str, str], Float]
    n: int
    dof: int
    counts: dict[str, tuple[int, ...]]


def build(sites: Sequence[SiteGrams], wanted: Wanted) -> Joint:
    """Build the model of a contrast.

    Raises
    ------
    UserError
        A group is at no site, a covariate is missing for it or constant, columns depend on each
        other, or there are too few people.
    """
    _require_people(sites, wanted)
    levels = [f"site[{s}]" for s in _levels_of_sites(sites, wanted)] if wanted.sites else []
    covariates = [c for name in wanted.covariates for c in _coded(sites, wanted, name)]
    own = [f"{site.site}/{name}" for site in sites for name in _own(site, wanted)]
    names = (*wanted.groups, *covariates, *levels, *own)
    raw = {
        (site.site, group): _raw(site, group, wanted, names)
        for site in sites
        for group in wanted.groups
    }
    total = np.zeros((len(names), len(names)))
    for site in sites:
        for group in wanted.groups:
            change = raw[site.site, group]
            total += change.T @ site.of(group) @ change
    leading = len(wanted.groups)
    n = round(float(np.trace(total[:leading, :leading])))
    means = total[:leading].sum(axis=0) / n
    centring = np.eye(len(names))
    centring[:leading, leading:] = -means[leading:]
    everybody = centring.T @ total @ centring
    _require_estimable(everybody, names, n)
    weights = np.zeros((len(names), wanted.contrast.shape[1]))
    weights[: len(wanted.contrast)] = wanted.contrast
    sizes = tuple(round(float(total[k, k])) for k in range(leading))
    groups = tuple(range(leading)) if leading > 1 else ()
    return Joint(
        names,
        JointModel(everybody, weights, groups, sizes),
        {key: change @ centring for key, change in raw.items()},
        n,
        n - len(names),
        {s.site: tuple(round(float(s.of(g)[0, 0])) for g in wanted.groups) for s in sites},
    )


def joint_sums(
    site: SiteGrams,
    joint: Joint,
    wanted: Wanted,
    present: NDArray[np.bool_],
    cross: Float,
    squares: Float,
) -> Sums:
    """Transform a site's sums to the joint model's columns.

    Parameters
    ----------
    present : ndarray of bool, shape (cell, voxel)
    cross : ndarray, shape (group, column, voxel)
        In the order of ``wanted.groups``.
    squares : ndarray, shape (group, voxel)
    """
    own = [k for k, group in enumerate(site.cells) if group in wanted.groups]
    sets, pattern = patterns(present[own])
    changes = [joint.transforms[site.site, site.cells[k]] for k in own]
    each = np.stack([t.T @ site.grams[k] @ t for k, t in zip(own, changes, strict=True)])
    grams = np.einsum("cn,cij->nij", sets.astype(np.float64), each)
    people = np.rint(site.grams[own, 0, 0]).astype(np.int64)
    total = np.zeros((len(joint.names), cross.shape[-1]))
    for group, sums in zip(wanted.groups, cross, strict=True):
        total += joint.transforms[site.site, group].T @ sums
    return Sums(grams, pattern, total, squares.sum(axis=0), people @ sets)


def _require_people(sites: Sequence[SiteGrams], wanted: Wanted) -> None:
    for group in wanted.groups:
        if not any(group in site.cells for site in sites):
            raise UserError(f"group {group} is at none of the sites.")
    for site in sites:
        for group in set(site.cells) & set(wanted.groups):
            short = [name for name in wanted.covariates if name in site.lacking.get(group, ())]
            if short:
                raise UserError(
                    f"site {site.site}: group {group} has no values of {short[0]}; leave it out "
                    f"of this contrast."
                )


def _levels_of_sites(sites: Sequence[SiteGrams], wanted: Wanted) -> list[str]:
    there = [s.site for s in sites if set(s.cells) & set(wanted.groups)]
    return sorted(there)[1:]


def _coded(sites: Sequence[SiteGrams], wanted: Wanted, name: str) -> list[str]:
    """Return the columns of a variable: itself, or all of its levels but the first."""
    own = {site.site: _named(site, name) for site in sites}
    for site in sites:
        if not own[site.site]:
            raise UserError(
                f"site {site.site} shares no covariate {name}; it shares "
                f"{', '.join(_variables(site)) or 'none'}. Export it there again with {name} in "
                "cohort.covariates."
            )
    plain = {site: columns == [name] for site, columns in own.items()}
    if len(set(plain.values())) > 1:
        text, number = (next(s for s, p in plain.items() if p is kind) for kind in (False, True))
        raise UserError(
            f"covariate {name} is text at site {text} ({', '.join(own[text])}) and a number at "
            f"site {number}; code it the same way and export again."
        )
    if all(plain.values()):
        return [name]
    _require_common(own, name)
    counts: dict[str, float] = {}
    for site in sites:
        for column in own[site.site]:
            k = site.columns.index(column)
            n = sum(site.of(g)[k, k] for g in wanted.groups)
            counts[column] = counts.get(column, 0.0) + float(n)
    there = sorted(column for column, n in counts.items() if n > 0.5)
    if len(there) < 2:
        raise UserError(f"covariate {name} is {there} for everybody in this contrast; remove it.")
    return there[1:]


def _require_common(own: dict[str, list[str]], name: str) -> None:
    for one, first in own.items():
        for other, second in own.items():
            if not set(first) & set(second):
                raise UserError(
                    f"covariate {name} is coded {', '.join(first)} at site {one} and "
                    f"{', '.join(second)} at site {other}; code it the same way and export again."
                )


def _named(site: SiteGrams, name: str) -> list[str]:
    return [c for c in site.columns if c == name or (c.startswith(f"{name}[") and c.endswith("]"))]


def _variables(site: SiteGrams) -> list[str]:
    plain = [c for c in site.columns if c != CONSTANT and not c.startswith(OWN)]
    return list(dict.fromkeys(c.split("[")[0] for c in plain))


def _raw(site: SiteGrams, group: str, wanted: Wanted, names: Sequence[str]) -> Float:
    """Transform a group's columns at a site to the model's, not centred."""
    change = np.zeros((len(site.columns), len(names)))
    constant = site.columns.index(CONSTANT)
    for k, name in enumerate(names):
        if k < len(wanted.groups):
            change[constant, k] = name == group
        elif name in site.columns:
            change[site.columns.index(name), k] = 1.0
        elif wanted.sites and name == f"site[{site.site}]":
            change[constant, k] = 1.0
        elif name.startswith(f"{site.site}/{OWN}"):
            change[site.columns.index(name.removeprefix(f"{site.site}/")), k] = 1.0
    return change


def _own(site: SiteGrams, wanted: Wanted) -> list[str]:
    """Return the columns of this site alone, if it has people of the contrast."""
    there = set(site.cells) & set(wanted.groups)
    return [name for name in site.columns if name.startswith(OWN) and there]


def _require_estimable(gram: Float, names: Sequence[str], n: int) -> None:
    scale = np.sqrt(np.maximum(np.diag(gram), np.finfo(float).tiny))
    scaled = gram / scale / scale[:, None]
    for k, name in enumerate(names):
        known, target = scaled[:k, :k], scaled[:k, k]
        left = scaled[k, k] - target @ np.linalg.lstsq(known, target, rcond=None)[0]
        if gram[k, k] <= RANK_TOLERANCE or left <= RANK_TOLERANCE:
            raise UserError(
                f"design: column '{name}' is constant or a combination of {list(names[:k])}; "
                f"{_remedy(name)}."
            )
    if n < len(names) + LEAST_DOF:
        own = [name for name in names if f"/{OWN}" in name]
        remedy = f", or set {without_own(own)}" if own else ""
        raise UserError(
            f"design: {n} people for {len(names)} columns {list(names)} leave fewer than "
            f"{LEAST_DOF} residual degrees of freedom; use fewer covariates{remedy}."
        )


def _remedy(name: str) -> str:
    """Return the remedy for a redundant column."""
    if f"/{OWN}" in name:
        return f"set {without_own([name])}"
    return "remove it from the covariates (a site with one group only: site.model=none)"
