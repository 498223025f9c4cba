"""The papers of the receptor maps, for methods and references."""

from __future__ import annotations

from collections.abc import Iterable

from rt1t2_dask.receptors.sources import shipped_sources


def papers_of(maps: Iterable[str]) -> dict[str, list[str]]:
    """Return the receptors of each paper by its key; maps without a known paper are left out."""
    found: dict[str, list[str]] = {}
    for source in shipped_sources(dict.fromkeys(maps)):
        if source.reference:
            found.setdefault(source.reference, []).append(source.receptor)
    return {key: list(dict.fromkeys(receptors)) for key, receptors in found.items()}
