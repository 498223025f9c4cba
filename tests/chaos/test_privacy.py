"""After every kind of run and failure, nothing about people is anywhere it does not belong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from forked import Ended, Running, run, warm
from planted import (
    ENVIRONMENT,
    MARKUP,
    PASSWORD,
    found_in,
    plant_in_image,
    plant_in_table,
    raw_markup,
    too_open,
)
from studies_of_maps import maps_words, write_maps_study

pytestmark = pytest.mark.chaos
UMASK = 0o077
COHORT = """
name: small
participants: participants.tsv
group_column: group
groups: {{pat: "P{mark}", hc: "C{mark}"}}
reference: hc
contrasts: {{patVsHc: [pat, hc]}}
covariates: [handedness]
categorical: [handedness]
exclude: []
"""


@dataclass
class Place:
    """A study of maps with particulars planted in it, and where its runs may write."""

    folder: Path

    def words(self, *more: str) -> list[str]:
        taken = {word.split("=")[0] for word in more}
        kept = [word for word in maps_words(self.folder) if word.split("=")[0] not in taken]
        return [*kept, *more]

    def run(self, *more: str) -> Ended:
        return run(self.words(*more), self.work, environment=self.environment)

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def environment(self) -> dict[str, str]:
        return ENVIRONMENT | {"TMPDIR": str(self.folder / "tmp"), "HOME": str(self.folder / "home")}

    def written(self) -> list[Path]:
        return [self.folder / name for name in ("work", "tmp", "home", "lake", "out", "handed")]

    def clean(self) -> None:
        assert found_in(*self.written()) == []
        assert raw_markup(*self.written()) == []
        assert too_open(UMASK, *self.written()) == []


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    warm()
    before = os.umask(UMASK)
    root, _ = write_maps_study(tmp_path, 6, 7)
    for path in sorted(root.glob("*.nii.gz")):
        plant_in_image(path)
    plant_in_table(root / "participants.tsv")
    (tmp_path / "studies/cohort/small.yaml").write_text(COHORT.format(mark=MARKUP))
    for name in ("work", "tmp", "home"):
        (tmp_path / name).mkdir()
    yield Place(tmp_path)
    os.umask(before)


def test_a_finished_run_and_what_is_handed_on(place):
    done = place.run("report.figures=true", "report.dpi=72")
    assert done.code == 0, done.err[-2000:]
    place.clean()
    shared = place.run(
        "share=export", "share.site=a", f"output_dir={place.folder / 'handed'}",
        "share.minimum_people=3",
    )  # fmt: skip
    assert shared.code == 0, shared.err[-2000:]
    place.clean()
    labels = tuple(f"sub-{k:02d}" for k in range(13))
    assert found_in(place.folder / "handed", words=labels) == []
    place.run("lake=publish", f"to={place.folder / 'handed'}", "cohort=small")
    place.clean()


def test_a_run_with_a_failed_person_and_refused_ones(place):
    broken = place.folder / "maps" / "sub-03_T1wT2wratio.nii.gz"
    broken.write_bytes(broken.read_bytes()[:4000])
    assert place.run().code == 1
    place.clean()
    assert place.run("cohort.covariates=[address]", "check=true").code == 2
    assert place.run("smooth.fwhm_mm=-3").code == 2
    assert place.run(f"storage.endpoint=http://u:{PASSWORD}@127.0.0.1:9").code in (1, 2)
    place.clean()


def test_a_run_that_is_killed_and_goes_on(place):
    for seconds in (1.0, 3.0, 5.0):
        running = Running(place.words(), place.work, place.environment)
        if running.wait(seconds):
            break
        running.kill()
        place.clean()
    assert place.run().code == 0
    place.clean()
    left = [path for own in place.written() for path in own.rglob("*.tmp")]
    assert left == []
    assert list((place.folder / "tmp").glob("rt1t2-dask-*")) == []
