"""Look at YAML files before they are composed: a few lines of aliases can stand for gigabytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from rt1t2_dask.cli.overrides import GROUPS, searched
from rt1t2_dask.errors import UserError

# The longest cohort of the tests, with all that its aliases repeat, has 400.
MOST_NODES = 100_000
# Settings are five deep; the time that YAML takes grows with the square of it.
MOST_DEPTH = 100
BYTES = 1 << 20


def check_files(overrides: Sequence[str]) -> None:
    """Refuse chosen files of the user's folders that are too large once aliases are written out.

    Parameters
    ----------
    overrides : sequence of str
        In Hydra's grammar, folders to search among them.

    Raises
    ------
    UserError
    """
    chosen = {word.rpartition("=")[2].strip("'\"") for word in overrides}
    for path in _files(overrides):
        if path.stem in chosen:
            _check(path)


def _files(overrides: Sequence[str]) -> Iterator[Path]:
    for folder in (found for word in overrides if (found := searched(word)) is not None):
        for group in GROUPS:
            yield from sorted((folder / group).glob("*.yaml"))


def _check(path: Path) -> None:
    try:
        content = path.read_bytes()
        if len(content) > BYTES or _nodes(content) > MOST_NODES:
            raise UserError(
                f"{path}: more or deeper settings than a study has, {MOST_NODES} with all that "
                f"aliases (*name) repeat and {MOST_DEPTH} deep at most; shorten it."
            )
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return  # whoever composes it says what is wrong


def _nodes(content: bytes) -> int:
    """Count nodes as if aliases were written out; too many where they are too deep."""
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []
    total = 0
    for event in yaml.parse(content, yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            total += sizes.get(str(event.anchor), 1)
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, total))
            total += 1 if len(open_nodes) < MOST_DEPTH else MOST_NODES
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor is not None:
                sizes[anchor] = total - before
        if total > MOST_NODES:
            break
    return total
