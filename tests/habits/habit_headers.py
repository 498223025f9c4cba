"""What scanners and converters leave in headers."""

from __future__ import annotations

import numpy as np
from habit_case import FAULTY, Case
from habit_dataset import AFFINE, SHAPE

SHEARED = AFFINE + 0.02 * np.eye(4, k=1) * np.array([[1.0], [0], [0], [0]])

CASES = [
    Case(
        "complex image",
        lambda d: d.scan("sub-02", "T1w.nii.gz", np.ones(SHAPE, np.complex64)),
        FAULTY,
        ("sub-02: T1w has complex values (complex64)", "part-mag"),
    ),
    Case(
        "sheared sform",
        lambda d: d.scan("sub-02", "T1w.nii.gz", affine=SHEARED),
        FAULTY,
        ("sub-02: T1w: the axes of its affine are sheared by 0.01",),
    ),
]
