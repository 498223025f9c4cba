"""Gain of each person's ratio, estimated from CSF with empirical Bayes shrinkage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

LEAST_P_GAIN = 0.8
LEAST_DOF = 2
_POINTS = 25
# Median and factor of one SD of the log-normal priors: spread of tissue and of fluid between
# people of one protocol, set on eight sessions of six people on four protocols.
_SD_RATIO, _SD_ANCHOR = (0.05, 1.5), (0.08, 1.7)
_SD_GAIN, _P_NO_GAIN = (0.02, 1.0), 0.5
_PRIOR_REACH = 3  # of those factors, either way
_INTERVAL = (0.025, 0.975)


@dataclass(frozen=True)
class Shrinkage:
    """Fraction of the anchor's deviation attributed to gain.

    Parameters
    ----------
    weight : float
        Posterior mean of ``lambda = s_g^2 / (s_g^2 + s_e^2)``, in [0, 1].
    low, high : float
        Its 95 % credible interval.
    p_gain : float
        Posterior probability that gain varies.
    sd_gain, sd_anchor, sd_ratio : float
        Posterior means of the SD of gain, of fluid and of tissue between people, log units.
    """

    weight: float
    low: float
    high: float
    p_gain: float
    sd_gain: float
    sd_anchor: float
    sd_ratio: float


@dataclass(frozen=True)
class Decision:
    """The correction of one protocol.

    Parameters
    ----------
    weight : float
        The lambda that is applied; 0 leaves every map as it is, to the bit.
    estimate : Shrinkage
        Estimate from the data, applied or not.
    reason : str
        Why no correction is applied; empty if one is.
    dof : int
        People (repeats averaged) less groups.
    raw_sd, corrected_sd : float
        SD of the log ratio within groups, before and after; NaN without degrees of freedom.
    sums : tuple of float
        Within groups: squares of the log ratio, products with the anchor, squares of the anchor.
    """

    weight: float
    estimate: Shrinkage
    reason: str
    dof: int
    raw_sd: float
    corrected_sd: float
    sums: tuple[float, float, float]


def within_groups(
    log_ratio: Sequence[float] | Float,
    anchor: Sequence[float] | Float,
    group: Sequence[str],
    person: Sequence[object] | None = None,
) -> tuple[Float, int]:
    """Sum squares and products of (log ratio, anchor) within groups.

    Parameters
    ----------
    log_ratio, anchor : sequence of float, length scan
        Finite.
    group : sequence of str, length scan
    person : sequence, length scan, optional
        Scans of one person in one group are averaged first.

    Returns
    -------
    sums : ndarray, shape (2, 2)
    dof : int
        Persons less groups.
    """
    values = np.column_stack([log_ratio, anchor]).astype(np.float64)
    persons = range(len(values)) if person is None else person
    keys = list(zip(group, persons, strict=True))
    people = list(dict.fromkeys(keys))
    means = np.array([values[[k == key for k in keys]].mean(axis=0) for key in people])
    sums = np.zeros((2, 2))
    for name in dict.fromkeys(group):
        own = means[[key[0] == name for key in people]]
        centred = own - own.mean(axis=0)
        sums += centred.T @ centred
    return sums, len(people) - len(set(group))


def people_in_sums(group: Sequence[str], person: Sequence[object]) -> int:
    """Count the people in the sums of `within_groups`.

    Parameters
    ----------
    group, person : sequence, length scan
        As `within_groups` takes them.

    Returns
    -------
    int
        People alone in a group are not counted: their value is the group mean.
    """
    members = set(zip(group, person, strict=True))
    sizes = Counter(name for name, _ in members)
    return len({persons for name, persons in members if sizes[name] > 1})


def estimate(sums: Float, dof: int) -> Shrinkage:
    """Estimate lambda on a grid of the three spreads.

    Parameters
    ----------
    sums : ndarray, shape (2, 2)
        As `within_groups` returns.
    dof : int
        Degrees of freedom of `sums`; 0 returns the prior.

    Returns
    -------
    Shrinkage

    Notes
    -----
    Ours. With tissue b, fluid e and gain g of a person independent and normal, log ratio is
    y = b + g and the anchor A = e + g; S is Wishart with
    Sigma = [[s_b^2 + s_g^2, s_g^2], [s_g^2, s_e^2 + s_g^2]]. Priors: s_b log-normal round 0.05
    (factor 1.5), s_e round 0.08 (factor 1.7), s_g half at 0 and half log-uniform on 0.02 to 1.
    """
    grid = _grid()
    logp = grid.prior.copy()
    if dof > 0:
        fit = grid.aa * sums[0, 0] - 2 * grid.gg * sums[0, 1] + grid.yy * sums[1, 1]
        logp += -0.5 * dof * np.log(grid.determinant) - 0.5 * fit / grid.determinant
    weights = np.exp(logp - logp.max())
    weights /= weights.sum()
    low, high = (_quantile(grid.share, weights, p) for p in _INTERVAL)
    return Shrinkage(
        weight=float((weights * grid.share).sum()),
        low=low,
        high=high,
        p_gain=float(weights[..., 1:].sum()),
        sd_gain=float((weights * grid.sd_gain).sum()),
        sd_anchor=float((weights * grid.sd_anchor).sum()),
        sd_ratio=float((weights * grid.sd_ratio).sum()),
    )


def decide(sums: Float, dof: int) -> Decision:
    """Decide whether one protocol's ratios are corrected, and by how much.

    Parameters
    ----------
    sums, dof
        As `within_groups` returns.

    Returns
    -------
    Decision
        Corrected only if P(gain) is at least 0.8, there are 2 degrees of freedom, and the spread
        within groups does not grow.
    """
    found = estimate(sums, dof)
    wider = spread(sums, dof, found.weight) > spread(sums, dof, 0.0)
    reason = ""
    if dof < LEAST_DOF:
        reason = f"{dof} degrees of freedom within groups; {LEAST_DOF} are needed"
    elif found.p_gain < LEAST_P_GAIN:
        reason = f"P(gain) is {found.p_gain:.2f}; {LEAST_P_GAIN:g} is needed"
    elif wider:
        reason = "the correction would increase the spread within groups"
    weight = 0.0 if reason else found.weight
    squares = (float(sums[0, 0]), float(sums[0, 1]), float(sums[1, 1]))
    raw, corrected = spread(sums, dof, 0.0), spread(sums, dof, weight)
    return Decision(weight, found, reason, dof, raw, corrected, squares)


def spread(sums: Float, dof: int, weight: float) -> float:
    """Compute the SD within groups of ``log ratio - weight x anchor``; NaN without dof."""
    if dof <= 0:
        return float("nan")
    total = sums[0, 0] - 2 * weight * sums[0, 1] + weight**2 * sums[1, 1]
    return float(np.sqrt(max(total, 0.0) / dof))


@dataclass(frozen=True, eq=False)
class _Grid:
    """The three SDs at every grid point, with derived quantities."""

    sd_ratio: Float
    sd_anchor: Float
    sd_gain: Float
    prior: Float

    @property
    def gg(self) -> Float:
        return self.sd_gain**2

    @property
    def yy(self) -> Float:
        return self.sd_ratio**2 + self.gg

    @property
    def aa(self) -> Float:
        return self.sd_anchor**2 + self.gg

    @property
    def determinant(self) -> Float:
        return self.yy * self.aa - self.gg**2

    @property
    def share(self) -> Float:
        return self.gg / self.aa


@cache
def _grid() -> _Grid:
    ratio, anchor = (_around(*prior) for prior in (_SD_RATIO, _SD_ANCHOR))
    gain = np.r_[0.0, np.geomspace(*_SD_GAIN, _POINTS)]
    p_gain = np.r_[_P_NO_GAIN, np.full(_POINTS, (1 - _P_NO_GAIN) / _POINTS)]
    logs = [_log_prior(ratio, *_SD_RATIO), _log_prior(anchor, *_SD_ANCHOR), np.log(p_gain)]
    prior = logs[0][:, None, None] + logs[1][None, :, None] + logs[2][None, None, :]
    return _Grid(*np.meshgrid(ratio, anchor, gain, indexing="ij"), prior)


def _around(median: float, factor: float) -> Float:
    reach = factor**_PRIOR_REACH
    return np.geomspace(median / reach, median * reach, _POINTS)


def _log_prior(values: Float, median: float, factor: float) -> Float:
    weights = np.exp(-0.5 * (np.log(values / median) / np.log(factor)) ** 2)
    return np.asarray(np.log(weights / weights.sum()))


def _quantile(values: Float, weights: Float, share: float) -> float:
    flat = values.ravel()
    order = np.argsort(flat, kind="stable")
    reached = np.searchsorted(np.cumsum(weights.ravel()[order]), share)
    return float(flat[order][min(int(reached), flat.size - 1)])
