"""Pipeline of this run: each stage with the settings it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rt1t2_dask.report.content import ReportContent
from rt1t2_dask.report.sections.tables import flat

_LEFT_OUT = ("root", "groups", "timeout_s", "memory_gb", "batch")


@dataclass(frozen=True)
class Step:
    """One stage, in words, and its settings, as text."""

    name: str
    settings: tuple[tuple[str, str], ...]


def steps(content: ReportContent) -> list[Step]:
    """Return the stages in run order (the paper's Figure 4).

    Null settings, folders and simulated groups are omitted; ``settings.yaml`` has all.
    """
    words = {step.name: step.words for step in content.flow}
    return [Step(words.get(s, s), settings_of(content, s)) for s in content.stages]


def settings_of(content: ReportContent, stage: str) -> tuple[tuple[str, str], ...]:
    """Return the settings of a stage as text."""
    found = {step.name: step.settings for step in content.flow}
    pairs = [pair for wanted in found.get(stage, ()) for pair in _leaves(content, wanted, found)]
    return tuple((key, _shown(value)) for key, value in pairs if value is not None)


def _leaves(
    content: ReportContent, wanted: str, found: Mapping[str, tuple[str, ...]]
) -> list[tuple[str, object]]:
    """Return the leaves of a section, without keys that another stage names; or one key."""
    section, _, single = wanted.partition(".")
    group = content.settings.get(section)
    if not isinstance(group, Mapping):
        return []
    elsewhere = {name for names in found.values() for name in names}
    kept = {
        key: value
        for key, value in group.items()
        if key == single or not (single or key in _LEFT_OUT or f"{section}.{key}" in elsewhere)
    }
    return list(flat(kept))


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    return str(value)
