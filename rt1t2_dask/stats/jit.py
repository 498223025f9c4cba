"""Compile a numba kernel, cached on disk where possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(kernel: Kernel) -> Kernel:
    """Compile without the GIL; cached across processes if possible."""
    njit = cast("Callable[..., Any]", numba.njit)
    options = {"nogil": True, "fastmath": {"contract", "reassoc", "nsz", "arcp"}}
    try:
        return cast("Kernel", njit(cache=True, **options)(kernel))
    except RuntimeError:  # no writable place for the cache
        return cast("Kernel", njit(**options)(kernel))


def inlined(kernel: Kernel) -> Kernel:
    """Compile inline into callers: a call with many arrays costs more than the body."""
    return cast("Kernel", numba.njit(inline="always")(kernel))
