"""The mark of what a drafted cohort file leaves to the user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

CHOOSE = "CHOOSE"


def refuse_open_choices(cohort: Mapping[str, Any]) -> None:
    """Refuse a cohort with settings that still hold the mark of `init`.

    Raises
    ------
    ValueError
        Names them all.
    """
    left = list(_marked(cohort, "cohort"))
    if not left:
        return
    groups = cohort.get("groups")
    named = f"; the groups are {', '.join(groups)}" if isinstance(groups, Mapping) else ""
    them, each = ("it", "its value") if len(left) == 1 else ("them", "their values")
    raise ValueError(
        f"{', '.join(f'{key}={CHOOSE}' for key in left)}: init could not know {each}; write {them} "
        f"into the cohort file in place of {CHOOSE}{named}"
    )


def _marked(value: Any, key: str) -> Iterator[str]:
    if value == CHOOSE:
        yield key
    elif isinstance(value, Mapping):
        for name, own in value.items():
            yield from _marked(own, f"{key}.{name}")
    elif isinstance(value, list | tuple) and CHOOSE in value:
        yield key
