"""The progress lines of a run without a terminal."""

from __future__ import annotations

import logging

import pytest

from rt1t2_dask.pipelines.engine import progress
from rt1t2_dask.pipelines.engine.settings import NoSettings
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.engine.work import Outcome
from rt1t2_dask.storage.parts import Part


@pytest.fixture
def lines(caplog, monkeypatch) -> list[str]:
    """What is said after each of two smoothed maps and a contrast."""
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    tasks = [
        Task(stage, Part(stage, f"{k:032x}"), NoSettings(), {}, {}, {})
        for k, stage in enumerate(("smooth", "smooth", "contrast"))
    ]
    with caplog.at_level(logging.INFO, "rt1t2_dask"), progress.shown(tasks) as tell:
        for task in tasks:
            tell(Outcome(task))
    return caplog.messages


def test_every_line_says_what_is_under_way(lines):
    assert lines[0].startswith("1 of 3 parts, about 0:00 min left")
    assert lines[0].endswith("smooth 1/2")
    assert lines[1].endswith("next contrast")
    assert lines[2] == "all 3 parts done"
