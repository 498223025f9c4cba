"""Blocks cover a mask once, keep to their budget, and read what whole maps hold."""

from __future__ import annotations

import numpy as np
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from rt1t2_dask.pipelines.voxelwise.blocks import voxel_blocks


@settings(max_examples=30, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 52)] * 3),
    share=st.floats(0.01, 1),
    budget=st.integers(1, 10**6),
    people=st.integers(1, 50),
)
def test_blocks_cover_the_mask_once(shape, share, budget, people):
    rng = np.random.default_rng(0)
    mask = rng.random(shape) < share
    volume = rng.normal(size=shape).astype(np.float32)
    stored = xr.DataArray(volume.transpose(2, 1, 0), dims=("z", "y", "x"))
    blocks = voxel_blocks(shape, mask, people, budget)
    out = np.full(int(mask.sum()), np.nan, np.float32)
    for block in blocks:
        assert np.isnan(out[block.index]).all()
        assert block.voxels * people * 4 <= budget or block.voxels == 1
        out[block.index] = stored[block.box].to_numpy().reshape(-1)[block.inside]
    np.testing.assert_array_equal(out, volume[mask])
