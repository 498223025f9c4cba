"""The program of null studies: it goes on where it stopped and judges by the worst detail."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy import stats

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="not a checkout")


@pytest.fixture
def validity(monkeypatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    import validity

    return validity


@pytest.fixture
def figure(validity):
    """One figure of two keys, the second with two details; its draws show its seed."""

    def one(rng):
        first, second = rng.random(2)
        return {
            "alone": float(first < 0.05),
            "worse:one": [float(second < 0.5), 0.0],
            "worse:two": float(second < 0.9),
        }

    bars = {"alone": (None, 0.06), "worse": (0.2, 0.3)}
    return validity.Figure(40, one, bars)


def command(validity, monkeypatch, capsys, figure, *words) -> tuple[int, list[str]]:
    monkeypatch.setattr(validity, "figures", lambda modules: {"fake": figure})
    monkeypatch.setattr(sys, "argv", ["validity.py", *map(str, words)])
    code = validity.main()
    return code, capsys.readouterr().out.splitlines()


def test_it_goes_on_where_it_stopped_and_the_result_is_the_same(
    validity, figure, monkeypatch, capsys, tmp_path
):
    whole, parts = tmp_path / "whole.jsonl", tmp_path / "parts.jsonl"
    code, said = command(validity, monkeypatch, capsys, figure, whole)
    assert code == 0
    calls = []

    def stops(rng):
        calls.append(1)
        if len(calls) > 15:
            raise KeyboardInterrupt
        return figure.one(rng)

    stopping = validity.Figure(40, stops, figure.bars)
    code, early = command(validity, monkeypatch, capsys, stopping, parts)
    assert code == 130
    assert json.loads(early[-1])["alone_studies"] == 15
    with parts.open("a") as out:
        out.write('{"figure": "fake", "study": 15, "val')
    code, again = command(validity, monkeypatch, capsys, figure, parts, "fake")
    assert code == 0
    assert again[0] == "fake: 15 of 40 studies are done"
    assert again[-1] == said[-1]
    rows = [json.loads(line) for line in whole.read_text().splitlines()]
    assert [row["study"] for row in rows] == list(range(40))
    assert len(parts.read_text().splitlines()) == 41


def test_rates_intervals_and_bars(validity, figure, monkeypatch, capsys, tmp_path):
    path = tmp_path / "log.jsonl"
    _, said = command(validity, monkeypatch, capsys, figure, path, "--studies", 30)
    found = json.loads(said[-1])
    values = [json.loads(line)["values"] for line in path.read_text().splitlines()]
    hits = int(sum(each["alone"] for each in values))
    assert found["alone"] == pytest.approx(hits / 30)
    expected = stats.binomtest(hits, 30).proportion_ci(method="exact")
    np.testing.assert_allclose(found["alone_interval"], expected)
    # Pooled, the first detail lies about its bar of .2 to .3; the second far above it.
    two = np.mean([each["worse:two"] for each in values])
    assert found["worse"] == pytest.approx(two)
    assert "worse" in found["missed"]
    one = np.mean([each["worse:one"] for each in values])
    assert any(line.startswith("worse:one") and f"{one:.4f}" in line for line in said)


def test_studies_draw_by_their_number_and_the_figures_name(validity, figure):
    from zlib import crc32

    rng = np.random.default_rng([7, crc32(b"fake")])
    known = {}
    validity.run("fake", figure, known, 8, Path("/dev/null"))
    assert known[7] == figure.one(rng)


def test_a_ratio_is_summed_up_by_its_median(validity):
    costs = np.random.default_rng(0).lognormal(1.2, 0.3, size=(200, 1)).tolist()
    middle, low, high = validity.summary(costs)
    assert middle == pytest.approx(np.median(costs))
    ordered = np.sort(np.ravel(costs))
    inside = stats.binom(200, 0.5)
    held = inside.cdf(np.searchsorted(ordered, high) - 1) - inside.cdf(
        np.searchsorted(ordered, low) - 1
    )
    assert 0.93 < held < 0.97


def test_one_rate_over_another_is_of_all_studies(validity):
    """Its interval holds the true ratio in 95 % of repeated runs of paired studies."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(400):
        draw = rng.random(300)
        found.append(validity.ratio((draw < 0.6) * 1.0, (draw < 0.4) * 1.0))
    rate, low, high = np.array(found).T
    assert rate.mean() == pytest.approx(1.5, abs=0.01)
    assert ((low < 1.5) & (high > 1.5)).mean() == pytest.approx(0.95, abs=0.03)
    several = validity.Figure(2, None, {"a": (None, None), "b": (None, None), "c": (1.1, None)})
    several = replace(several, ratios={"c": ("a", "b")})
    done = [{"a": 1.0, "b": 1.0}, {"a": 1.0, "b": 0.0}]
    assert [each.rate for each in validity.rates(several, done)] == [1.0, 0.5, 2.0]
    assert np.isnan(validity.ratio(np.zeros(3), np.zeros(3))[0])


def test_what_is_not_known_is_refused(validity, figure, monkeypatch, capsys, tmp_path):
    with pytest.raises(SystemExit) as stop:
        command(validity, monkeypatch, capsys, figure, tmp_path / "log", "nonsense")
    assert stop.value.code == 2
    assert not (tmp_path / "log").exists()


def test_the_figures_that_are_here_have_bars_for_their_keys(validity):
    for name, each in validity.figures(validity.MODULES).items():
        assert each.studies >= 1, name
        assert each.bars, name


def test_a_small_receptor_study_runs(validity, monkeypatch):
    from nulls import receptors

    monkeypatch.setattr(receptors, "PERMUTATIONS", 99)
    values = receptors.chance(np.random.default_rng(0))
    assert len(values["receptor_rate_01"]) == 17
    assert values["receptor_any_q"] in (0, 1)
