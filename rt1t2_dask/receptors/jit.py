"""Compile kernels that keep IEEE arithmetic: NaN, infinities and order of sums count here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(kernel: Kernel) -> Kernel:
    """Compile without the GIL; kept on disk where a place to write is found."""
    njit = cast("Callable[..., Any]", numba.njit)
    try:
        return cast("Kernel", njit(nogil=True, error_model="numpy", cache=True)(kernel))
    except RuntimeError:
        return cast("Kernel", njit(nogil=True, error_model="numpy")(kernel))
