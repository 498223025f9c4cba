"""Another session of the same simulated head: pose, coil, noise and a small change of tissue."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from rt1t2_dask.images.volume import Grid
from rt1t2_dask.simulate.biology import Biology
from rt1t2_dask.simulate.lattice import random_field

# Spread of a person's true ratio between sessions, of the whole brain and of fields 33 mm wide at
# half maximum; people differ by 3 and 6 % (`biology`). Ours: that real change within weeks is
# below what scans can measure (0.2 to 0.8 % in two sessions of one person, METHODS 2b).
_WHOLE_SD, _FIELD_SD, _SPACING_MM = 0.003, 0.005, 24.0


def spawn_key(session: str) -> tuple[int, ...]:
    """Return what tells the random streams of a session apart; empty where there is only one."""
    if not session:
        return ()
    digest = hashlib.sha256(session.encode()).digest()
    return tuple(int.from_bytes(digest[i : i + 4], "little") for i in range(0, 8, 4))


def changed(biology: Biology, rng: np.random.Generator, grid: Grid) -> Biology:
    """Return a person's tissue in another session, a little different everywhere."""
    field = random_field(rng, grid, spacing_mm=_SPACING_MM, sd=_FIELD_SD).on_grid(grid)[0]
    change = rng.normal(0, _WHOLE_SD) + field
    return replace(biology, field=(biology.field + change).astype(np.float32))
