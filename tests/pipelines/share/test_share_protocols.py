"""The sums of anchors that a site shares are about enough people, whoever was scanned."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from rt1t2_dask.pipelines.calibration.stages import GAIN
from rt1t2_dask.pipelines.engine.task import Inputs
from rt1t2_dask.pipelines.share.plan import shared_protocols
from rt1t2_dask.storage.keys import part_key
from rt1t2_dask.storage.parts import Lake, Part

EDGES = {"t1w": [1.0, 1.0, 1.0], "t2w": [1.0, 1.0, 1.0]}


def gain_of(lake, log_ratio, fluid, group, eye):
    rows = []
    for k, (level, anchor, other) in enumerate(zip(log_ratio, fluid, eye, strict=True)):
        anchors = dict.fromkeys(("white", "grey", "white_median", "grey_median"), level)
        anchors |= {"fluid": anchor, "muscle": None, "eye": other}
        anchors |= {"fluid_voxels": 900, "fluid_is_core": True}
        record = {"anchors": anchors, "geometry": EDGES}
        rows.append(Part("landmarks", part_key("landmarks", "test", record | {"row": k}, {})))
        lake.write(rows[-1], xr.Dataset(), record=record)
    people = [
        {"group": name, "person": f"scan {k}", "protocol": None, "facts": {}}
        for k, name in enumerate(group)
    ]
    task = GAIN.task({"people": people}, {"row": tuple(rows)})
    found = GAIN.make(Inputs(lake, task))
    lake.write(task.part, found.dataset, record=found.record)
    return task


LEVELS = [0.4, 0.55, 0.41, 0.38, 0.43, 0.46]
FLUID = [-1.0, -0.9, -1.05, -0.98, -1.02, -0.94]


@pytest.mark.parametrize(
    ("unread", "flagged", "group", "people"),
    [
        ([], [], "pppccc", 6),
        ([5], [], "pppppp", 5),
        ([2, 3, 4, 5], [], "pppppp", 2),
        ([5], [4], "pppppp", 4),
        ([], [], "ppppcd", 4),
    ],
)
def test_sums_are_shared_of_those_they_are_about(tmp_path, unread, flagged, group, people):
    lake = Lake(str(tmp_path))
    fluid = [None if k in unread else value for k, value in enumerate(FLUID)]
    eye = [value + (1.9 if k in flagged else 1.0) for k, value in enumerate(FLUID)]
    task = gain_of(lake, LEVELS, fluid, group, eye)
    (protocol,) = lake.record(task.part)["protocols"]
    assert (protocol["scans"], protocol["people"]) == (6, people)
    shared = shared_protocols(lake, task, 5)
    assert len(shared) == (people >= 5)
    assert all(one["sums"][0] > 0 for one in shared)
    assert shared_protocols(lake, task, people) == [protocol]


def test_what_two_readable_people_would_give_away_stays(tmp_path):
    """Half the squared difference of two people is what the sums of both alone would be."""
    lake = Lake(str(tmp_path))
    fluid = [*FLUID[:2], None, None, None, None]
    task = gain_of(lake, LEVELS, fluid, "pppppp", [None] * 6)
    (protocol,) = lake.record(task.part)["protocols"]
    gaps = (0.15**2 / 2, 0.15 * 0.1 / 2, 0.1**2 / 2)
    np.testing.assert_allclose(protocol["sums"], gaps)
    assert shared_protocols(lake, task, 5) == []
