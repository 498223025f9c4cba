"""Stage `gain`: protocols, and the gain of the ratio within them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import table
from rt1t2_dask.ratio.anchors import Anchors
from rt1t2_dask.ratio.corrections import Corrections, Scan, correct
from rt1t2_dask.ratio.gain import Decision
from rt1t2_dask.ratio.protocol import GEOMETRY, Fact, describe, has_header, number_protocols

NAN = float("nan")


class Scanned(StageSettings):
    """One scan: its group, who it is of, its protocol where a column names it, and its headers."""

    group: str
    person: str
    protocol: str | None
    facts: dict[str, Any]


class GainSettings(StageSettings):
    """Whose gains are estimated, in the order of the parts."""

    people: tuple[Scanned, ...]


def make(inputs: Inputs) -> Made:
    """Estimate everybody's gain within protocols."""
    people = inputs.settings_as(GainSettings).people
    records = [inputs.lake.record(part) for part in inputs.parts("row")]
    facts = [_facts(one, record) for one, record in zip(people, records, strict=True)]
    anchors = [anchors_of(record) for record in records]
    protocol = number_protocols(facts)
    scans = [
        Scan(measured, number, one.group, one.person)
        for measured, number, one in zip(anchors, protocol, people, strict=True)
    ]
    found = correct(scans)
    arrays: dict[str, NDArray[Any]] = {
        "gain_log": found.log_gain,
        "gain_anchor": found.anchor,
        "gain_apart": found.apart,
        "gain_flagged": found.flagged.astype(np.uint8),
        "gain_protocol": np.asarray(protocol, np.int32),
        "gain_log_ratio": np.array([one.log_ratio for one in anchors]),
        "gain_fluid": np.array([one.fluid for one in anchors]),
    }
    dataset = xr.Dataset({name: table(name, values) for name, values in arrays.items()})
    return Made(dataset, {"protocols": _protocols(found, facts, protocol)})


def anchors_of(record: Mapping[str, Any]) -> Anchors:
    """Read anchors from the record of stage `landmarks`."""
    known: dict[str, Any] = {k: NAN if v is None else v for k, v in record["anchors"].items()}
    return Anchors(**known)


def _facts(person: Scanned, record: Mapping[str, Any]) -> dict[str, Fact]:
    """Join what headers say with the voxels; the user's own column goes before both."""
    if person.protocol is not None:
        return {"protocol": person.protocol}
    geometry = {f"{k}.{GEOMETRY}": tuple(v) for k, v in record["geometry"].items()}
    return {**geometry, **person.facts}


def _protocols(
    found: Corrections, facts: Sequence[Mapping[str, Fact]], protocol: Sequence[int]
) -> list[dict[str, Any]]:
    """Describe every protocol, in order of its number."""
    listed = []
    for number, decision in sorted(found.decisions.items()):
        own = [one for one, k in zip(facts, protocol, strict=True) if k == number]
        listed.append(
            {
                "name": protocol_name(number),
                "scans": len(own),
                "people": found.people[number],
                "what": describe(own),
                "by_column": all("protocol" in one for one in own),
                "from_headers": all(map(has_header, own)),
                **_decided(decision),
            }
        )
    return listed


def protocol_name(number: int) -> str:
    """Return the name of a protocol in tables and models."""
    return f"P{number + 1}"


def _decided(decision: Decision) -> dict[str, Any]:
    estimate = decision.estimate
    numbers = {
        "lambda_applied": decision.weight,
        "lambda_estimate": estimate.weight,
        "lambda_low": estimate.low,
        "lambda_high": estimate.high,
        "p_gain": estimate.p_gain,
        "sd_gain": estimate.sd_gain,
        "sd_anchor": estimate.sd_anchor,
        "sd_ratio": estimate.sd_ratio,
        "raw_sd": decision.raw_sd,
        "corrected_sd": decision.corrected_sd,
    }
    known = {name: value if np.isfinite(value) else None for name, value in numbers.items()}
    return known | {
        "dof": decision.dof,
        "reason": decision.reason,
        "sums": list(decision.sums),
    }
