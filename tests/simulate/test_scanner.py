"""A site's scanner: gain, gamma, blur and noise on a known image, and the cohort that uses them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from rt1t2_dask.cli.command_line import Job, _configure
from rt1t2_dask.images.volume import Grid
from rt1t2_dask.pipelines.sites import study as sites
from rt1t2_dask.simulate.cohort import participant_ids
from rt1t2_dask.simulate.scanner import COMMON, Scanner, draw_coil, scan

GRID = Grid((24, 24, 24), np.diag([2.0, 2.0, 2.0, 1.0]))


def scanned(clean, scanner=COMMON, gamma=1.0, gain=1.0):
    rng = np.random.default_rng(3)
    coil = draw_coil(np.random.default_rng(4), GRID, scanner)
    image = scan(
        clean, GRID, white=100, level=1000 * gain, rng=rng, coil=coil, gamma=gamma, scanner=scanner
    )
    return image.data.astype(float)


def step(low=50.0):
    clean = np.full(GRID.shape, 100, np.float32)
    clean[:12] = low
    return clean


def test_gain_and_gamma_are_what_they_say():
    quiet = Scanner(noise=0.0)
    plain = scanned(step(), quiet)
    np.testing.assert_allclose(scanned(step(), quiet, gain=1.5) / plain, 1.5, rtol=0.01)
    bent = scanned(step(), quiet, gamma=1.2)
    np.testing.assert_allclose(bent[12:], plain[12:])
    np.testing.assert_allclose(bent[:12] / plain[:12], 0.5**0.2, rtol=0.01)


def test_bias_field_varies_in_the_head_and_its_mean_is_no_gain():
    clean = np.zeros(GRID.shape, np.float32)
    clean[4:20, 4:20, 4:20] = 100
    head = clean > 0
    log_field = np.log(scanned(clean, Scanner(noise=0, gain_sd=0, bias_sd=0.3))[head] / 1000)
    assert abs(log_field.mean()) < 1e-3
    assert log_field.std() > 0.05


def test_fields_of_one_session_are_alike_as_those_of_real_sessions():
    """Over a head of 150 mm: SD and correlation that N4 finds in six real sessions."""
    grid = Grid((30, 30, 30), np.diag([6.0, 6.0, 6.0, 1.0]))
    clean = np.full(grid.shape, 100, np.float32)
    quiet = Scanner(noise=0, gain_sd=0)
    found = []
    for k in range(40):
        coil = draw_coil(np.random.default_rng((k, 0)), grid, quiet)
        pair = [
            scan(
                clean, grid, white=100, level=20000, rng=np.random.default_rng((k, own)),
                coil=coil, scanner=quiet,
            ).data.astype(float)
            for own in (1, 2)
        ]  # fmt: skip
        logs = np.log(np.maximum(pair, 1)).reshape(2, -1)
        found.append((logs[0].std(), np.corrcoef(logs)[0, 1], (logs[0] - logs[1]).std()))
    sd, r, apart = np.mean(found, axis=0)
    assert sd == pytest.approx(0.06, abs=0.012)
    assert r == pytest.approx(0.4, abs=0.15)
    assert 0.034 < apart < 0.08


def test_blur_and_noise_are_what_they_say():
    sharp, soft = (scanned(step(), Scanner(noise=0, blur_mm=b)) for b in (0.0, 6.0))
    assert np.abs(np.diff(soft, axis=0)).max() < 0.5 * np.abs(np.diff(sharp, axis=0)).max()
    flat = np.full(GRID.shape, 100, np.float32)
    quiet, loud = (scanned(flat, Scanner(noise=n)) for n in (0.0, 0.05))
    assert (loud / quiet - 1).std() == pytest.approx(0.05, rel=0.1)


def test_three_sites_differ_and_share_no_label():
    config = _configure(Job(("+cohort=three_sites", "source.voxel_mm=4")))
    own = sites.configs(config)
    assert list(own) == ["north", "south", "west"]
    scanners = [tuple(c.source.scanner.model_dump().values()) for c in own.values()]
    ages = [c.source.groups["HC"].age_mean for c in own.values()]
    assert len(set(scanners)) == len(set(ages)) == 3
    labels = [
        name for c in own.values() for g in ("PSP", "HC")
        for name in participant_ids(c.source.groups[g])
    ]  # fmt: skip
    assert len(set(labels)) == len(labels) == 30
    assert {c.output_voxel_mm for c in own.values()} == {4}
    text = Path(__file__).resolve().parents[2] / "conf" / "source" / "simulated.yaml"
    assert yaml.safe_load(text.read_text())["scanner"] == Scanner(**{}).__dict__
