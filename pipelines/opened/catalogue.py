"""Whose part of which stage has which key, as a study's provenance tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rt1t2_dask.storage.cohort import Cohort
from rt1t2_dask.storage.parts import Lake

KEY_BYTES = 16
NONE = bytes(KEY_BYTES)


@dataclass(frozen=True)
class Catalogue:
    """Everybody's parts, a few bytes each.

    Parameters
    ----------
    labels : tuple of str
        Who has parts.
    keys : mapping of str to bytes
        By stage, 16 bytes of each person; zeros where a person has no such part.
    """

    labels: tuple[str, ...] = ()
    keys: Mapping[str, bytes] = field(default_factory=dict)

    def __contains__(self, stage: str) -> bool:
        return stage in self.keys

    @property
    def stages(self) -> tuple[str, ...]:
        """Return the stages of single people, in their order."""
        return tuple(self.keys)

    def beside(self, stage: str, found: str | Sequence[str]) -> Catalogue:
        """Return it with a stage of the group: parts of the first people, who are in the group.

        Parameters
        ----------
        stage : str
        found : str or sequence of str
            The parts' keys in people's order; those who were left out come last and have none.
        """
        digits = found if isinstance(found, str) else "".join(found)
        every = bytes.fromhex(digits).ljust(KEY_BYTES * len(self.labels), b"\0")
        return Catalogue(self.labels, {**self.keys, stage: every})

    def own(self, stage: str) -> list[bytes]:
        """Return the key of each person; zeros where there is none."""
        every = self.keys[stage]
        return [every[k : k + KEY_BYTES] for k in range(0, len(every), KEY_BYTES)]

    def cohort(self, lake: Lake, stage: str) -> tuple[tuple[str, ...], Cohort]:
        """Return who has a part of a stage, and where these lie."""
        own = self.own(stage)
        if NONE not in own:
            return self.labels, Cohort(lake, stage, self.keys[stage])
        pairs = zip(self.labels, own, strict=True)
        there = {label: key for label, key in pairs if key != NONE}
        return tuple(there), Cohort(lake, stage, b"".join(there.values()))


def catalogue(parts: Mapping[str, Mapping[str, str]]) -> Catalogue:
    """Return the catalogue of ``parts`` of a study of images: key by stage by person."""
    stages = dict.fromkeys(stage for own in parts.values() for stage in own)
    empty = NONE.hex()
    keys = {
        stage: bytes.fromhex("".join(own.get(stage, empty) for own in parts.values()))
        for stage in stages
    }
    return Catalogue(tuple(parts), keys)
