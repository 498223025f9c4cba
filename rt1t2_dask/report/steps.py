"""The pipeline as it was run: each stage with the settings it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rt1t2_dask.report.content import ReportContent
from rt1t2_dask.report.tables import flat

_GROUP_OF_STAGE = {
    "simulate": "source",
    "ingest": "source",
    "normalise": "normalise",
    "calibrate": "calibration",
    "smooth": "smooth",
    "contrast": "contrast",
    "permute": "permute",
    "receptors": "receptors",
}
_LEFT_OUT = ("root", "groups")


@dataclass(frozen=True)
class Step:
    """One stage and its settings, as text."""

    name: str
    settings: tuple[tuple[str, str], ...]


def steps(content: ReportContent) -> list[Step]:
    """Give the stages in the order they were run (the paper's Figure 4).

    Settings that are null, folders and the simulated groups are left out; the page lists all
    settings under provenance.
    """
    return [Step(stage, _settings(content, stage)) for stage in content.stages]


def _settings(content: ReportContent, stage: str) -> tuple[tuple[str, str], ...]:
    group = content.settings.get(_GROUP_OF_STAGE.get(stage, ""))
    if not isinstance(group, Mapping):
        return ()
    leaves = flat({key: value for key, value in group.items() if key not in _LEFT_OUT})
    return tuple((key, str(value)) for key, value in leaves if value is not None)
