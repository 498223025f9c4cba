"""A study killed anywhere ends as an undisturbed one; RT1T2_CHAOS=20 kills scans 20 times each."""

from __future__ import annotations

import os

import chaos
import pytest

pytestmark = [pytest.mark.chaos, pytest.mark.cluster, pytest.mark.heavy]
KILLS = int(os.environ.get("RT1T2_CHAOS", "0"))


def test_ready_made_maps_survive_a_kill_of_each_kind(maps_study, maps_arguments, tmp_path):
    maps_study(2, 2)
    own = ("storage.url=", "output_dir=", "cluster=")
    study = [word for word in maps_arguments if not word.startswith(own)]
    done = chaos.chain(tmp_path / "chaos", study, ["scheduler", "worker", "everything"], seed=0)
    assert done["kills"] >= 2


@pytest.mark.skipif(not KILLS, reason="RT1T2_CHAOS names no number of kills")
@pytest.mark.timeout(36000)
@pytest.mark.parametrize("kind", chaos.KINDS)
def test_scans_survive_many_kills(kind, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "chaos"
    study = (*chaos.SCANS, f"source.root={folder / 'simulated'}")
    assert chaos.chains(folder, study, kind, KILLS)["kills"] == KILLS
