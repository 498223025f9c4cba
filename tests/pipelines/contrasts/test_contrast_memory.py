"""The memory of a contrast is known from its shapes and kept to, or refused with numbers."""

from __future__ import annotations

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from rt1t2_dask.config.study import Config, parse
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.contrasts.memory import contrast_bytes, require_memory
from rt1t2_dask.pipelines.contrasts.peaks import ROW_BYTES, peak_bytes
from rt1t2_dask.stats import Design, two_sample


def configured(*overrides: str) -> Config:
    with initialize_config_module("rt1t2_dask.conf", version_base="1.3"):
        tree = OmegaConf.to_container(compose("config", ["+cohort=psp", *overrides]), resolve=True)
    return parse(tree)


def people(n: int) -> Design:
    return two_sample(["a", "b"] * (n // 2), "a", "b")


def test_two_thousand_people_fit_in_a_gigabyte():
    config = configured("template.voxel_mm=2")
    for variance in ("equal", "spm_unequal"):
        assert peak_bytes(2000, 235_000, 1_100_000, 2, variance) < 1e9
    require_memory(config.model_copy(), people(2000))
    assert contrast_bytes(config, 2000, 2) < 1e9


def test_a_contrast_with_no_room_is_refused_with_numbers():
    config = configured("template.voxel_mm=0.5", "cluster.memory_gb=2")
    with pytest.raises(UserError, match=r"2000 people takes \d+\.\d GB, more than cluster.memory"):
        require_memory(config, people(2000))


def test_memory_grows_with_the_grid_and_hardly_with_the_people():
    small, large = (peak_bytes(500, int(v), int(2 * v), 4) for v in (1e5, 1e6))
    assert large > small
    more = peak_bytes(10**4, 10**5, 2 * 10**5, 4) - peak_bytes(2000, 10**5, 2 * 10**5, 4)
    assert 0 <= more <= 8000 * ROW_BYTES
