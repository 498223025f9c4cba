"""Group scans by protocol: site, scanner, sequence, times, voxel size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

Fact = str | float | tuple[float, ...]
Facts = Mapping[str, Fact]
"""Facts about a pair of scans, such as ``t1w.RepetitionTime``; missing keys are unknown."""

GEOMETRY = "voxel_mm"
RELATIVE = {"RepetitionTime": 0.05, "EchoTime": 0.05, "InversionTime": 0.05}
ABSOLUTE = {"FlipAngle": 1.0, "MagneticFieldStrength": 0.1, GEOMETRY: 0.05}
"""Relative difference of times that counts as the same protocol."""
_ROUNDING = 1e-9


def number_protocols(scans: Sequence[Facts]) -> list[int]:
    """Return the protocol of each scan as a number, the one with most scans first.

    Parameters
    ----------
    scans : sequence of Facts
        One a pair of scans, in any order.

    Returns
    -------
    list of int
        From 0. Scans are of one protocol where all facts known of both agree: times within 5 %,
        flip angle within 1 degree, voxel edges within 0.05 mm. A scan with too few facts to choose
        between two protocols is a protocol of its own.
    """
    counts = Counter(map(_frozen, scans))
    order = sorted(counts, key=lambda facts: (-len(facts), -counts[facts], repr(facts)))
    members: list[list[tuple[tuple[str, Fact], ...]]] = []
    for facts in order:
        fitting = [m for m in members if all(same(dict(facts), dict(one)) for one in m)]
        if len(fitting) == 1:
            fitting[0].append(facts)
        else:
            members.append([facts])
    members.sort(key=lambda own: (-sum(counts[facts] for facts in own), repr(own)))
    number = {facts: k for k, own in enumerate(members) for facts in own}
    return [number[_frozen(facts)] for facts in scans]


def same(one: Facts, other: Facts) -> bool:
    """Whether all facts known of both scans agree."""
    return all(_agree(name, one[name], other[name]) for name in one.keys() & other.keys())


def describe(scans: Sequence[Facts]) -> str:
    """Describe the facts that the scans of one protocol share, or their ranges."""
    names = list(dict.fromkeys(name for facts in scans for name in facts))
    parts = [f"{name} {_span([f[name] for f in scans if name in f])}" for name in sorted(names)]
    return ", ".join(parts)


def has_header(facts: Facts) -> bool:
    """Whether more than voxel size and site is known of a scan."""
    return any(not name.endswith(GEOMETRY) and name != "site" for name in facts)


def _frozen(facts: Facts) -> tuple[tuple[str, Fact], ...]:
    return tuple(sorted(facts.items()))


def _agree(name: str, one: Fact, other: Fact) -> bool:
    kind = name.rsplit(".", 1)[-1]
    if isinstance(one, str) or isinstance(other, str):
        return str(one).strip().casefold() == str(other).strip().casefold()
    first, second = _numbers(one), _numbers(other)
    if len(first) != len(second):
        return False
    within = ABSOLUTE.get(kind, 0.0) + _ROUNDING
    return all(
        abs(a - b) <= within + RELATIVE.get(kind, 0.0) * max(abs(a), abs(b))
        for a, b in zip(first, second, strict=True)
    )


def _numbers(fact: float | tuple[float, ...]) -> tuple[float, ...]:
    return fact if isinstance(fact, tuple) else (fact,)


def _span(values: Sequence[Fact]) -> str:
    text = sorted({_text(value) for value in values})
    return text[0] if len(text) == 1 else f"{text[0]} to {text[-1]}"


def _text(value: Fact) -> str:
    if isinstance(value, str):
        return value
    return " x ".join(f"{number:.3g}" for number in _numbers(value))
