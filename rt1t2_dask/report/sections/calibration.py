"""The section on calibration: protocols, gain, SD before and after, anchors by contrast."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from rt1t2_dask.report.numbers import decimal, plural
from rt1t2_dask.report.sections.section import Section
from rt1t2_dask.report.sections.table import Table, from_frame

ANCHOR = "calibration"
# Tolerance for warning of a calibrated SD above the raw one: 1.00 when rounded.
WIDER = 1.005
BIASED_PERCENT = 2.0
EB_GAIN = "eb_gain"

_HELD = (
    "Difference of log T1w/T2w of CSF between the groups of the contrast (without people flagged "
    "for another sequence), with its standard error. Carried over: with gain correction, minus "
    "lambda times the difference, the bias if CSF itself differs and not the gain; with the raw "
    "ratio, the estimated lambda times the difference, the gain it may contain. With gain "
    "correction, contrasts and regional z have the anchor as a covariate, so that their p does "
    "not depend on lambda; slope: of the corrected log ratio on the anchor, median over voxels."
)
_LIMIT = (
    "The priors of the gain and the limits on its anchors were set on eight sessions of six "
    "people. If CSF itself differs between groups (wider ventricles, contrast agent) and gain is "
    "corrected, maps, means and contrasts are biased by minus lambda times that difference."
)
_FLAGGED = (
    "Gain shifts CSF, muscle and eyes equally; here they disagree by more than 0.4 log units. "
    "These people are excluded from the estimate of the gain, and from contrasts with gain "
    "correction."
)
_SPREAD = (
    "Standard deviation within groups of the log of the median ratio, mean of white and grey "
    "matter, x 100; without people flagged for another sequence."
)
_METHODS = (
    "The gain of each ratio was estimated within protocols from the median log T1w/T2w of CSF at "
    "least 2 mm inside its boundary, with empirical Bayes shrinkage (a grid posterior of the SDs "
    "of tissue, CSF and gain), and applied where P(gain) was at least 0.8 and the SD within "
    "groups did not increase."
)
_FACTS = {r"\bt([12])w\.": r"T\1w ", "voxel_mm": "voxels (mm)"}
_HEADINGS = {
    "another_sequence": "another sequence?",
    "known_from": "identified by",
    "what": "sequence and voxels",
    "lambda_applied": "lambda applied",
    "lambda_estimate": "lambda",
    "lambda_low": "from",
    "lambda_high": "to (95 %)",
    "p_gain": "P(gain)",
    "raw_sd": "raw (%)",
    "calibrated_sd": "calibrated (%)",
    "calibrated_over_raw": "calibrated / raw",
    "difference": "difference (%)",
    "se": "standard error (%)",
    "carried": "carried over (%)",
}
_LOG = " Contrasts are on the logarithm of the ratio, with a term for each protocol."


def calibration_section(
    kind: str, protocols: pd.DataFrame, people: pd.DataFrame, anchors: pd.DataFrame, scale: str
) -> Section:
    """Write the section.

    Parameters
    ----------
    kind : str
        Of the calibration.
    protocols, people : DataFrame
        Columns of ``calibration.tsv`` and ``calibration_people.tsv``.
    anchors : DataFrame
        As `anchor_differences` returns.
    scale : {"ratio", "log"}
        Of the contrasts.
    """
    own = kind == EB_GAIN
    return Section(
        anchor=ANCHOR,
        title="Calibration",
        headline=tuple(warnings(kind, protocols, anchors)),
        sentences=tuple(_sentences(kind, protocols, people)),
        tables=tuple(_tables(kind, protocols, people, anchors)),
        methods=(_METHODS + (_LOG if scale == "log" else ""),) if own else (),
        limits=(_LIMIT,) if own else (),
    )


def warnings(kind: str, protocols: pd.DataFrame, anchors: pd.DataFrame) -> list[str]:
    """Warn where calibration increases the SD, and where the anchor differs by group."""
    wider = [
        f"Warning: calibration={kind} multiplies the SD between people of "
        f"{row['protocol']} by {row['calibrated_over_raw']:.2f}; compare calibration="
        f"{'none' if kind == EB_GAIN else EB_GAIN}."
        for row in protocols.to_dict("records")
        if row["calibrated_over_raw"] > WIDER
    ]
    carried = [
        f"Warning: the CSF anchor of {row['protocol']} differs between the groups of "
        f"{row['contrast']} by {decimal(row['difference'], 1)} % (SE {decimal(row['se'], 1)}); "
        + _carries(row)
        for row in anchors.to_dict("records")
        if kind == EB_GAIN and abs(row["carried"]) > BIASED_PERCENT
    ]
    return wider + carried


def _carries(row: Mapping[Any, Any]) -> str:
    """Describe what the anchor's difference may explain of a contrast: CSF, or uncorrected gain."""
    carried = decimal(row["carried"], 1)
    if row["lambda_applied"]:
        return (
            f"if that is CSF and not gain, it explains {carried} % of the difference in maps, "
            f"means and contrast."
        )
    return (
        f"gain is not corrected there, and by the estimated lambda {carried} % of the difference "
        f"in maps, means and contrast may be gain."
    )


def anchor_differences(
    people: pd.DataFrame,
    protocols: pd.DataFrame,
    groups: Mapping[str, tuple[str, str]],
    members: Mapping[str, Collection[str]],
    slopes: Mapping[str, Mapping[str, float]],
) -> pd.DataFrame:
    """Compare the anchor between the two groups of every contrast, by protocol.

    Parameters
    ----------
    people, protocols : DataFrame
        Columns of ``calibration_people.tsv`` and ``calibration.tsv``.
    groups : mapping of str to (first, second)
        By contrast.
    members : mapping of str to collection of str
        By contrast: the participants in it.
    slopes : mapping of str to mapping
        By contrast: the fitted slope by column of its design.

    Returns
    -------
    DataFrame
        ``contrast``, ``protocol``, ``lambda_applied``; ``difference`` (first less second) and
        ``se`` of the anchor in percent, of people in the contrast without a flag for another
        sequence; ``carried``: minus lambda times the difference with gain correction, else plus the
        estimated lambda times it; ``slope`` of the log ratio on the anchor, median over voxels, NaN
        where it is not a covariate.
    """
    unflagged = people[people["another_sequence"] == "no"]
    rows = [
        _difference(
            contrast,
            pair,
            protocol,
            unflagged[unflagged["participant_id"].isin(members[contrast])],
            slopes.get(contrast, {}),
        )
        for contrast, pair in groups.items()
        for protocol in protocols.to_dict("records")
    ]
    columns = ["contrast", "protocol", "lambda_applied", "difference", "se", "carried", "slope"]
    return pd.DataFrame([row for row in rows if row], columns=columns)


def _difference(
    contrast: str,
    pair: tuple[str, str],
    protocol: Mapping[Any, Any],
    people: pd.DataFrame,
    slopes: Mapping[str, float],
) -> dict[str, object]:
    here = people[people["protocol"] == protocol["protocol"]]
    first, second = (
        here.loc[here["group"] == name, "fluid"].dropna().to_numpy(np.float64) for name in pair
    )
    if min(len(first), len(second)) < 2:
        return {}
    applied = protocol["lambda_applied"]
    difference = 100 * float(first.mean() - second.mean())
    variance = first.var(ddof=1) / len(first) + second.var(ddof=1) / len(second)
    names = ("anchor", f"anchor of {protocol['protocol']}")
    own = [slope for name, slope in slopes.items() if name in names]
    return {
        "contrast": contrast,
        "protocol": protocol["protocol"],
        "lambda_applied": applied,
        "difference": difference,
        "se": 100 * float(np.sqrt(variance)),
        "carried": (-applied or protocol["lambda_estimate"]) * difference,
        "slope": own[0] if own else np.nan,
    }


def _tables(
    kind: str, protocols: pd.DataFrame, people: pd.DataFrame, anchors: pd.DataFrame
) -> list[Table]:
    groups = [name for name in protocols if str(name).startswith("n_")]
    what = ["protocol", "scans", *groups, "another_sequence", "known_from", "what"]
    named = protocols[what].replace({"what": _FACTS}, regex=True)
    tables = [from_frame(named.rename(columns=_HEADINGS), "Protocols")]
    spreads = protocols[["protocol", "raw_sd", "calibrated_sd", "calibrated_over_raw"]].copy()
    spreads[["raw_sd", "calibrated_sd"]] *= 100
    if kind == EB_GAIN:
        gain = ["lambda_applied", "lambda_estimate", "lambda_low", "lambda_high", "p_gain"]
        shown = protocols[["protocol", *gain, "dof"]].rename(columns=_HEADINGS)
        tables.append(from_frame(shown, "Gain by protocol"))
    spreads = spreads.rename(columns=_HEADINGS)
    tables.append(from_frame(spreads, "SD between people", (_SPREAD,)))
    if kind == EB_GAIN and len(anchors):
        shown = anchors.rename(columns=_HEADINGS)
        tables.append(from_frame(shown, "CSF anchor by contrast", (_HELD,)))
    flagged = people[people["another_sequence"] == "yes"]
    if len(flagged):
        columns = ["participant_id", "protocol", "fluid", "muscle", "eye", "apart"]
        tables.append(from_frame(flagged[columns], "Another sequence?", (_FLAGGED,)))
    return tables


def _sentences(kind: str, protocols: pd.DataFrame, people: pd.DataFrame) -> list[str]:
    """Describe the protocols, how they were identified, and the correction of each."""
    alone = (protocols["known_from"] == "voxel sizes alone").any()
    text = [
        f"{plural(len(people), 'person', 'people')} in {plural(len(protocols), 'protocol')}"
        + ("; without headers, protocols are identified by voxel sizes alone." if alone else ".")
    ]
    if kind != EB_GAIN:
        return [*text, f"Calibration was {kind}: gain was not corrected."]
    for row in protocols.to_dict("records"):
        if row["lambda_applied"]:
            text.append(
                f"{row['protocol']}: {100 * row['lambda_applied']:.0f} % of each anchor's "
                f"deviation was attributed to gain (P(gain) {row['p_gain']:.2f})."
            )
            text += _unread(people[people["protocol"] == row["protocol"]])
        else:
            text.append(f"{row['protocol']}: the ratio is raw, since {row['reason']}.")
    return text


def _unread(people: pd.DataFrame) -> list[str]:
    """Describe how many people stay raw in corrected protocols, without CSF measured."""
    n = int(people["fluid"].isna().sum())
    if not n:
        return []
    return [
        f"The CSF of {plural(n, 'person', 'people')} could not be measured: their ratio stays "
        f"raw, and contrasts and receptors exclude them."
    ]
