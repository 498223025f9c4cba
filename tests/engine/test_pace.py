"""The time left that is said, against the time that was left of a real run.

``shipped_4mm.tsv``: the shipped study at 4 mm, CPU seconds of each part in the order that two
workers ended them. Replayed on a clock of its own, since other work on the machine made the run's
own clock uneven.
"""

from __future__ import annotations

import heapq
from collections import Counter
from pathlib import Path

import pytest

from rt1t2_dask.pipelines.engine import progress
from rt1t2_dask.pipelines.engine.pace import Pace
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.engine.work import Outcome
from rt1t2_dask.storage.parts import Part

WORKERS = 2
WRITING_S = 29.0
ESTIMATES = {
    "template": 1.7, "head": 2.0, "ingest": 0.1, "coregister": 2.0, "bias": 1.8, "brain": 4.9,
    "normalise": 1.9, "tissue": 0.7, "landmarks": 0.2, "calibrate": 0.1, "ratio": 0.2,
    "quality": 0.4, "smooth": 0.05, "parcels": 0.1, "contrast": 0.2, "clusters": 0.3,
    "permute_observed": 10.0, "permute_batch": 0.3, "permute": 0.3, "parcel_contrast": 4.0,
    "cluster_effects": 0.1, "thresholds": 0.1, "detectable": 0.1, "receptors": 5.0,
}  # fmt: skip
LEAST, MOST = 0.75, 1.25


class Replay:
    """A run of two workers, each part `slowness` times its CPU seconds long."""

    def __init__(self, slowness: float) -> None:
        lines = Path(__file__).with_name("shipped_4mm.tsv").read_text().splitlines()[1:]
        rows = [line.split("\t") for line in lines]
        self.graphs = [
            [(stage, float(cpu)) for graph, stage, cpu in rows if graph == number]
            for number in dict.fromkeys(row[0] for row in rows)
        ]
        self.slowness, self.now = slowness, 0.0

    def run(self, pace: Pace) -> list[tuple[float, float]]:
        """Return when a time was said, and the time that was said to be left."""
        said = []
        for number, parts in enumerate(self.graphs):
            later = [stage for graph in self.graphs[number + 1 :] for stage, _ in graph]
            pace.begin([task(stage) for stage, _ in parts], Counter(later))
            free = [self.now] * WORKERS
            ends = []
            for stage, cpu in parts:
                begun = heapq.heappop(free)
                heapq.heappush(free, begun + cpu * self.slowness)
                ends.append((begun + cpu * self.slowness, stage, cpu * self.slowness))
            for end, stage, wall in sorted(ends):
                self.now = end
                pace.take(Outcome(task(stage), wall_s=wall))
                said.append((end, pace.left_s()))
            pace.end()
        return said


def task(stage: str) -> Task:
    return Task(stage, Part(stage, "0" * 32), {}, {}, {}, {})


def ratios(slowness: float, wrong: float = 1.0) -> dict[str, float]:
    """Said over true, at a minute and at quarters of the run."""
    replay = Replay(slowness)
    pace = Pace(
        lambda stage: ESTIMATES.get(stage, 2.0) * wrong, WORKERS, WRITING_S * wrong,
        clock=lambda: replay.now,
    )  # fmt: skip
    said = replay.run(pace)
    whole = replay.now + WRITING_S * slowness
    at = {"1 min": 60.0, "25 %": whole / 4, "50 %": whole / 2, "75 %": 3 * whole / 4}
    found = {}
    for name, when in at.items():
        then, left = next(pair for pair in said if pair[0] >= when)
        found[name] = left / (whole - then)
    return found


@pytest.mark.parametrize("slowness", [0.7, 1.0, 1.5, 4.0])
@pytest.mark.parametrize("wrong", [1.0, 2.0])
def test_the_time_left_is_right_within_a_quarter(slowness, wrong):
    """On machines of many speeds, and where all estimates are twice the truth."""
    for when, ratio in ratios(slowness, wrong).items():
        assert LEAST < ratio < MOST, (when, ratio)


def test_what_comes_later_counts_and_bars_are_not_needed():
    pace = Pace(lambda stage: 3.0, 1, 20.0, clock=lambda: 0.0)
    pace.begin([task("smooth")], {"contrast": 4})
    assert pace.left_s() == pytest.approx(5 * 3.0 + 20.0)
    pace.take(Outcome(task("smooth"), wall_s=3.0))
    assert pace.left_s() == pytest.approx(4 * 3.0 / 1.2 + 20.0)


def test_without_estimates_what_is_measured_counts():
    replay = Replay(1.0)
    pace = Pace(clock=lambda: replay.now)
    said = replay.run(pace)
    then, left = said[len(said) // 2]
    assert 0.5 < left / (replay.now - then) < 2.0


def test_lines_say_the_paces_time(caplog, monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    now = [0.0]
    pace = Pace(lambda stage: 600.0, clock=lambda: now[0])
    tasks = [task("smooth"), task("contrast")]
    with caplog.at_level("INFO", "rt1t2_dask"), progress.shown(tasks, pace, {"pet": 5}) as tell:
        now[0] = 600.0
        tell(Outcome(tasks[0], wall_s=600.0))
    assert "1 of 2 parts, about 60:00 min left" in caplog.messages[0]
