"""Pipeline of this run: each stage with the settings it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rt1t2_dask.report.content import ReportContent
from rt1t2_dask.report.sections.tables import flat

_TABLED = ("p", "extent_mm3")
_GROUP_OF_STAGE = {
    "simulate": "source",
    "ingest": "source",
    "map": "source",
    "template": "template",
    "normalise": "normalise",
    "calibrate": "calibration",
    "smooth": "smooth",
    "contrast": "contrast",
    "clusters": "contrast",
    "permute": "permute",
    "receptors": "receptors",
}
_LEFT_OUT = ("root", "groups", "timeout_s", "memory_gb", "batch")


@dataclass(frozen=True)
class Step:
    """One stage and its settings, as text."""

    name: str
    settings: tuple[tuple[str, str], ...]


def steps(content: ReportContent) -> list[Step]:
    """Return the stages in run order (the paper's Figure 4).

    Null settings, folders and simulated groups are omitted; the page lists all settings under
    provenance.
    """
    return [Step(stage, settings_of(content, stage)) for stage in content.stages]


def settings_of(content: ReportContent, stage: str) -> tuple[tuple[str, str], ...]:
    """Return the settings of a stage as text; height and extent are listed under the clusters."""
    group = content.settings.get(_GROUP_OF_STAGE.get(stage, ""))
    if not isinstance(group, Mapping):
        return ()
    leaves = flat({key: value for key, value in group.items() if _belongs(key, stage)})
    return tuple((key, _shown(value)) for key, value in leaves if value is not None)


def _belongs(key: str, stage: str) -> bool:
    if stage in ("contrast", "clusters"):
        return (key in _TABLED) == (stage == "clusters")
    return key not in _LEFT_OUT


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return str(value)
