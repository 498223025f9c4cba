"""Gain correction of the ratio by protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.ratio.anchors import Anchors
from rt1t2_dask.ratio.gain import Decision, decide, people_in_sums, within_groups

Float = NDArray[np.float64]

# Log units. Eight real sessions: of one sequence at most 0.27 apart, of another 0.55 (set beside
# them, and so no test of it).
MOST_APART = 0.4


@dataclass(frozen=True)
class Scan:
    """One pair of scans.

    Parameters
    ----------
    anchors : Anchors
    protocol : int
    group : str
    person : str
        Scans of one person in one group are averaged before variances are estimated.
    """

    anchors: Anchors
    protocol: int
    group: str
    person: str


@dataclass(frozen=True)
class Corrections:
    """The correction of every scan, in order of the scans.

    Parameters
    ----------
    log_gain : ndarray, shape (scan,)
        Subtracted from the log ratio; exactly 0 without correction.
    anchor : ndarray, shape (scan,)
        Log T1w/T2w of CSF relative to its protocol's mean; NaN where unknown.
    apart : ndarray, shape (scan,)
        Range of the gains from CSF, muscle and eyes, log units; NaN if fewer than two are known.
    flagged : ndarray of bool, shape (scan,)
        Beyond `MOST_APART`: another sequence?
    decisions : dict of int to Decision
        By protocol.
    people : dict of int to int
        By protocol: number of people in its sums.
    """

    log_gain: Float
    anchor: Float
    apart: Float
    flagged: NDArray[np.bool_]
    decisions: dict[int, Decision] = field(default_factory=dict)
    people: dict[int, int] = field(default_factory=dict)


def correct(scans: Sequence[Scan]) -> Corrections:
    """Decide on the correction of every protocol and apply it to its scans.

    Parameters
    ----------
    scans : sequence of Scan
        In any order; the result does not depend on it.
    """
    order = sorted(range(len(scans)), key=lambda k: _sort_key(scans[k]))
    found = _correct([scans[k] for k in order])
    back = np.argsort(order)
    return Corrections(
        found.log_gain[back],
        found.anchor[back],
        found.apart[back],
        found.flagged[back],
        found.decisions,
        found.people,
    )


def _sort_key(scan: Scan) -> tuple[int, str, str, str]:
    return (scan.protocol, scan.group, scan.person, repr(scan.anchors))


def _correct(scans: Sequence[Scan]) -> Corrections:
    n = len(scans)
    found = Corrections(np.zeros(n), np.full(n, np.nan), np.full(n, np.nan), np.zeros(n, bool))
    protocol = np.array([scan.protocol for scan in scans], np.intp)
    for number in np.unique(protocol).tolist():
        rows = np.flatnonzero(protocol == number)
        _one_protocol(found, [scans[k] for k in rows.tolist()], rows, number)
    return found


def _one_protocol(
    found: Corrections, scans: Sequence[Scan], rows: NDArray[np.intp], number: int
) -> None:
    apart = disagreement([scan.anchors for scan in scans])
    flagged = np.nan_to_num(apart) > MOST_APART
    fluid = np.array([scan.anchors.fluid for scan in scans])
    log_ratio = np.array([scan.anchors.log_ratio for scan in scans])
    used = np.isfinite(fluid) & np.isfinite(log_ratio) & ~flagged
    kept = [scan for scan, one in zip(scans, used, strict=True) if one]
    group, person = [scan.group for scan in kept], [scan.person for scan in kept]
    sums, dof = within_groups(log_ratio[used], fluid[used], group, person)
    decision = decide(sums, dof)
    centre = fluid[used].mean() if kept else np.nan
    found.apart[rows], found.flagged[rows] = apart, flagged
    found.anchor[rows] = fluid - centre
    found.decisions[number] = decision
    found.people[number] = people_in_sums(group, person)
    if decision.weight:
        taken = np.where(np.isfinite(fluid) & ~flagged, decision.weight * (fluid - centre), 0.0)
        found.log_gain[rows] = taken


def disagreement(scans: Sequence[Anchors]) -> Float:
    """Compare the gains of each scan from CSF, muscle and eyes within one protocol.

    Returns
    -------
    ndarray, shape (scan,)
        Range over the anchors k of d_k = a_k - median over the protocol of (a_k - a_fluid), log
        units; NaN where fewer than two are known. A gain shifts all alike and cancels.
    """
    values = np.array([[scan.fluid, scan.muscle, scan.eye] for scan in scans])
    against = values - values[:, :1]
    usual = [np.median(col[np.isfinite(col)]) if np.isfinite(col).any() else np.nan
             for col in against.T]  # fmt: skip
    gains = values - np.array(usual)
    known = np.isfinite(gains)
    high, low = (
        fold(np.where(known, gains, fill), axis=1)
        for fold, fill in ((np.max, -np.inf), (np.min, np.inf))
    )
    return np.where(known.sum(axis=1) >= 2, high - low, np.nan)
