"""What the page says of settings, versions and seeds; files beside it have the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rt1t2_dask import __version__
from rt1t2_dask.report.sections.table import Heading, Table


@dataclass(frozen=True)
class Summary:
    """Changed settings (None where there are none), seeds and versions."""

    changed: Table | None
    seeds: str
    versions: str


def summary(changed: Mapping[str, tuple[Any, Any]], provenance: Mapping[str, Any]) -> Summary:
    """Summarise a run.

    Parameters
    ----------
    changed : mapping of str to (value, default)
        Settings that are not the defaults.
    provenance : mapping
        As in ``provenance.json``; ``seeds`` and ``environment`` are read.
    """
    seeds = {name: seed for name, seed in provenance.get("seeds", {}).items() if seed is not None}
    return Summary(
        _changed(changed) if changed else None,
        ", ".join(f"{name} {seed}" for name, seed in seeds.items()),
        _versions(provenance.get("environment", {})),
    )


def _changed(found: Mapping[str, tuple[Any, Any]]) -> Table:
    heads = (Heading("Setting", False), Heading("Value", False), Heading("Default", False))
    rows = tuple((key, _text(value), _text(default)) for key, (value, default) in found.items())
    return Table("Settings changed from the defaults", heads, rows)


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)


def _versions(environment: Mapping[str, Any]) -> str:
    python = [f"Python {environment['python']}"] if "python" in environment else []
    packages = environment.get("packages", {}).items()
    others = [f"{name} {version}" for name, version in packages if name != "rt1t2-dask"]
    return ", ".join([f"rt1t2_dask {__version__}", *python, *others])
