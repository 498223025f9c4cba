"""Compile kernels with strict IEEE arithmetic: NaN, infinities and summation order matter here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(kernel: Kernel) -> Kernel:
    """Compile without the GIL; cached on disk where possible."""
    njit = cast("Callable[..., Any]", numba.njit)
    try:
        return cast("Kernel", njit(nogil=True, error_model="numpy", cache=True)(kernel))
    except RuntimeError:
        return cast("Kernel", njit(nogil=True, error_model="numpy")(kernel))
