"""Template surfaces carried to simulated heads by their known maps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.simulate.pose import TrueWarp
from rt1t2_dask.surface.mesh import Mesh

Points = NDArray[np.float64]
NEWTON_STEPS, CLOSE_MM = 40, 1e-4


def carried(surface: Mesh, warp: TrueWarp) -> Mesh:
    """Return a surface of the template in a person's T1w world, mm."""
    return surface.moved(template_to_subject(warp, surface.vertices))


def template_to_subject(warp: TrueWarp, points: Points) -> Points:
    """Invert the true map at template points, shape (n, 3), to 1e-4 mm.

    Raises
    ------
    ValueError
        The map folds near a point.
    """
    back = np.linalg.inv(warp.affine if warp.moved is None else warp.affine @ warp.moved)
    there = points @ back[:3, :3].T + back[:3, 3]
    for _ in range(NEWTON_STEPS):
        left = points - warp.subject_to_template(there)
        if np.abs(left).max() < CLOSE_MM:
            return np.asarray(there)
        there = there + left @ back[:3, :3].T
    raise ValueError(f"the inverse is {np.abs(left).max():.3g} mm off after {NEWTON_STEPS} steps")
