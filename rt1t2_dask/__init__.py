"""Calibrated T1w/T2w ratio maps, group contrasts and receptor correlations."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rt1t2_dask.study import open_study, run

__version__ = "0.1.0"
__all__ = ["__version__", "open_study", "run"]


def __getattr__(name: str) -> Any:
    # Not at the top: a command, or a step on arrays, loads no more than it needs.
    if name in ("open_study", "run"):
        return getattr(import_module("rt1t2_dask.study"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
