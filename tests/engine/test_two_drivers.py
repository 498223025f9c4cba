"""Two runs of one study on one lake at the same time: each part is made by one of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from rt1t2_dask.storage.parts import Lake


def complete(lake: Lake) -> int:
    stages = (stage.rstrip("/") for stage in lake.store.children("parts"))
    return sum(len(list(lake.complete_keys(stage))) for stage in stages)


@pytest.mark.heavy
@pytest.mark.slow
def test_two_runs_at_once_make_each_part_once(maps_study, maps_arguments, tmp_path):
    maps_study(5, 5)
    lake = Lake(str(tmp_path / "lake"))
    there = complete(lake)
    environment = {name: os.environ[name] for name in os.environ if name != "RT1T2_DEBUG"}
    drivers = [
        subprocess.Popen(
            [sys.executable, "-m", "rt1t2_dask", *maps_arguments, "stage=permute", "part=1"],
            env=environment, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    said = [driver.communicate(timeout=600)[1] for driver in drivers]
    assert [driver.returncode for driver in drivers] == [0, 0], said
    made = [int(re.findall(r"(\d+) parts made for permute", text)[-1]) for text in said]
    assert sum(made) == complete(lake) - there > 20
    assert list(lake.store.list("claims")) == []
