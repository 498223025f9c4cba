"""The table of protocols, against plain numpy on everybody's levels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from rt1t2_dask.pipelines.calibration.gain import protocol_name
from rt1t2_dask.pipelines.calibration.results import ESTIMATED, calibration_table
from rt1t2_dask.pipelines.calibration.stages import GAIN
from rt1t2_dask.storage.parts import Lake, Part

GROUPS = ["pat"] * 4 + ["hc"] * 5
OTHER = 7  # another sequence: counted, and in no spread


def protocol(name: str, *, headers: bool = True, column: bool = False) -> dict[str, object]:
    named = {"name": name, "what": f"what {name} is", "by_column": column, "from_headers": headers}
    return named | dict.fromkeys(ESTIMATED, 0.5)


def people(of: list[int]) -> pd.DataFrame:
    rng = np.random.default_rng(9)
    n = len(of)
    rows = pd.DataFrame(
        {
            "participant_id": [f"sub-{k}" for k in range(n)],
            "group": (GROUPS * 2)[:n],
            "protocol": [protocol_name(k) for k in of],
            "another_sequence": ["yes" if k == OTHER else "no" for k in range(n)],
        }
    )
    for name in ("white", "grey"):
        rows[f"raw_{name}"] = rng.normal(0.5, 0.2, n)
        rows[f"calibrated_{name}"] = rng.normal(0.5, 0.05, n)
    return rows


def tabled(tmp_path, rows, protocols, persons):
    lake = Lake(str(tmp_path))
    said = {"protocol": None, "facts": {}}
    scans = [
        {"person": str(person), "group": group} | said
        for person, group in zip(persons, rows["group"], strict=True)
    ]
    row = tuple(Part("landmarks", f"{k:032x}") for k in range(len(scans)))
    task = GAIN.task({"people": scans}, {"row": row})
    lake.write(task.part, xr.Dataset(), record={"protocols": protocols})
    return calibration_table(lake, task, rows)


def spread(rows: pd.DataFrame, kind: str) -> float:
    """Pooled standard deviation within groups of the mean of both tissues."""
    level = rows[[f"{kind}_white", f"{kind}_grey"]].mean(axis=1)
    squares = level.groupby(rows["group"]).apply(lambda own: ((own - own.mean()) ** 2).sum())
    return float(np.sqrt(squares.sum() / (len(rows) - rows["group"].nunique())))


def test_spreads_are_within_groups_and_without_another_sequence(tmp_path):
    rows = people([0] * 9)
    (row,) = tabled(tmp_path, rows, [protocol("A")], range(9)).to_dict("records")
    kept = rows.drop(index=OTHER)
    assert (row["scans"], row["n_pat"], row["n_hc"], row["another_sequence"]) == (9, 4, 5, 1)
    assert row["raw_sd"] == pytest.approx(spread(kept, "raw"))
    assert row["calibrated_sd"] == pytest.approx(spread(kept, "calibrated"))
    assert row["calibrated_over_raw"] == pytest.approx(row["calibrated_sd"] / row["raw_sd"])


def test_scans_of_one_person_count_once(tmp_path):
    """Everybody scanned twice: the spread is that of their means, not of 18 people."""
    rows = pd.concat([people([0] * 9), people([0] * 9)], ignore_index=True)
    rows["another_sequence"] = "no"
    rows.loc[9:, ["raw_white", "raw_grey"]] += 0.1
    (row,) = tabled(tmp_path, rows, [protocol("A")], [*range(9), *range(9)]).to_dict("records")
    means = rows[:9].copy()
    means[["raw_white", "raw_grey"]] += 0.05
    assert row["scans"] == 18
    assert row["raw_sd"] == pytest.approx(spread(means, "raw"))


def test_each_protocol_has_its_own_people_and_says_how_it_is_known(tmp_path):
    rows = people([0, 1] * 9)
    kinds = [protocol("A", column=True), protocol("B", headers=False)]
    found = tabled(tmp_path, rows, kinds, range(18))
    assert found["known_from"].tolist() == ["cohort.protocol_column", "voxel sizes alone"]
    for number, scans in enumerate(found["scans"]):
        own = rows[(rows["protocol"] == protocol_name(number)) & (rows["another_sequence"] == "no")]
        assert scans == 9
        assert found["raw_sd"][number] == pytest.approx(spread(own, "raw"))


def test_nobody_measured_has_no_spread(tmp_path):
    rows = people([0] * 9)
    rows[["raw_white", "raw_grey"]] = np.nan
    (row,) = tabled(tmp_path, rows, [protocol("A")], range(9)).to_dict("records")
    assert np.isnan(row["raw_sd"])
    assert np.isnan(row["calibrated_over_raw"])
    assert np.isfinite(row["calibrated_sd"])
