"""CPU of writing a 1 mm map and of reading a block of it, by chunk and shard size."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from lakes.study import Study
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from rt1t2_dask.storage.arrays import chunk_edge, encode
from rt1t2_dask.storage.parts import Lake, Part

GRID = (189, 233, 197)
BLOCK = 48
EDGES = (16, 24, 48, 96, None)
READS = 20
SIGMA_VOXELS = 4.2


def smoothed_map(seed: int = 0) -> NDArray[np.float32]:
    """A SIMULATED ratio map smoothed by 10 mm, NaN outside an ellipsoid of 1.9 litres."""
    noise = np.random.default_rng(seed).normal(size=GRID)
    field = gaussian_filter(noise, SIGMA_VOXELS)
    field = 1.5 + 0.2 * field / field.std()
    axes = np.meshgrid(*(np.linspace(-1.15, 1.15, n) for n in GRID), indexing="ij")
    field[sum(axis**2 for axis in axes) > 1] = np.nan
    return field.astype(np.float32)


def seconds(action: Callable[[], Any], times: int = 1) -> float:
    """CPU seconds of one call."""
    began = time.process_time()
    for _ in range(times):
        action()
    return (time.process_time() - began) / times


def layout(edge: int | None, sharded: bool) -> dict[str, Any]:
    """Chunks of an edge, in one shard or each an object of its own."""
    chunks = tuple(min(edge or size, size) for size in GRID)
    whole = tuple(e * math.ceil(n / e) for e, n in zip(chunks, GRID, strict=True))
    return {"chunks": chunks, "shards": whole if sharded else None}


def chunks(study: Study) -> dict[str, Any]:
    """Write and read one map under every layout, through zarr alone; then as a part."""
    dataset = xr.Dataset({"smoothed": (("z", "y", "x"), smoothed_map())})
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for edge in EDGES:
            for sharded in (True, False) if edge else (False,):
                where = Path(folder, f"{edge}-{sharded}")
                rows.append(_measured(dataset, where, edge, sharded))
        part = _as_part(dataset, Path(folder, "lake"))
    print("\n".join(_line(row) for row in rows))
    print(
        f"a part: {part['write_s']:.2f} CPU s to write, {1e3 * part['open_s']:.1f} ms to open, "
        f"{1e3 * part['block_s']:.1f} ms a block; {part['mb']:.1f} MB"
    )
    return {"chunks": rows, "part": part}


def _measured(dataset: xr.Dataset, where: Path, edge: int | None, sharded: bool) -> dict[str, Any]:
    encoding = encode(dataset)
    encoding["smoothed"] |= layout(edge, sharded)
    write = seconds(lambda: dataset.to_zarr(where, encoding=encoding, consolidated=False))
    stored = zarr.open_group(where, mode="r")["smoothed"]
    assert isinstance(stored, zarr.Array)
    box = tuple(slice(BLOCK, 2 * BLOCK) for _ in GRID)
    files = [path for path in where.rglob("*") if path.is_file()]
    return {
        "edge": edge,
        "sharded": sharded,
        "write_s": write,
        "block_s": seconds(lambda: stored[box], READS),
        "whole_s": seconds(lambda: stored[:], 2),
        "mb": sum(path.stat().st_size for path in files) / 1e6,
        "objects": len(files),
    }


def _as_part(dataset: xr.Dataset, where: Path) -> dict[str, Any]:
    lake, part = Lake(str(where)), Part("smooth", "0" * 32)
    write = seconds(lambda: lake.write(part, dataset, record={}))
    edges = dict(zip("zyx", map(chunk_edge, GRID), strict=True))
    box = {axis: slice(edge, 2 * edge) for axis, edge in edges.items()}
    opened = lake.read(part)["smoothed"]
    return {
        "write_s": write,
        "open_s": seconds(lambda: lake.read(part), READS),
        "block_s": seconds(lambda: lake.read(part)["smoothed"].isel(box).to_numpy(), READS)
        - seconds(lambda: lake.read(part), READS),
        "mb": sum(entry.size for entry in lake.store.entries(part.prefix)) / 1e6,
        "shape": list(opened.shape),
    }


def _line(row: dict[str, Any]) -> str:
    kind = "one shard" if row["sharded"] else "no shard"
    edge = f"{row['edge']}^3" if row["edge"] else "whole"
    return (
        f"chunks {edge:>6}, {kind:<9}: {row['write_s']:.2f} CPU s to write, "
        f"{1e3 * row['block_s']:7.1f} ms a block, {row['whole_s']:.2f} s whole; "
        f"{row['mb']:.1f} MB, {row['objects']} objects"
    )
