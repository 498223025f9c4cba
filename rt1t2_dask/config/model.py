"""Base of all settings."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Forbid unknown keys, so that typing errors are reported."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SourceSettings(Model):
    """What the settings of every source tell about the data, without looking at them.

    A source is added with its settings here and one module that reads it (``reader``).
    """

    reader: ClassVar[str] = ""
    """What finds people and files: ``module:class``."""
    simulated: ClassVar[bool] = False
    """Whether nobody was scanned."""
    regional: ClassVar[bool] = False
    """Whether the data are regional tables, not images."""
    ready_made: ClassVar[bool] = False
    """Whether the images are ratio maps, which need none of the steps from scans."""
    worked_on_mm: ClassVar[float | None] = None
    """Voxel size in mm that scans are resampled to by default; None keeps the T1w's own grid."""

    kind: str
    root: str

    @property
    def grid_mm(self) -> float | None:
        """Voxel size of the images in mm, where the settings tell it."""
        return None

    @property
    def sessions(self) -> tuple[str, ...]:
        """The sessions that are a row each; empty where a person is one row."""
        named = getattr(self, "session", None)
        return named if isinstance(named, tuple) else ()

    @property
    def one_session(self) -> str | None:
        """The session that is chosen for everybody; None where none or several are named."""
        named = getattr(self, "session", None)
        return named if isinstance(named, str) else None

    @property
    def corrected(self) -> tuple[str, ...] | None:
        """The images whose bias field was taken out; None where the scans are raw."""
        return None

    def space_of_maps(self, transform_is_given: bool) -> str | None:
        """Return the space of the output maps, where the source decides it."""
        return None
