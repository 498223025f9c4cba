"""How many calls of a graph could run now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from rt1t2_dask.cluster.graph import Node


class Readiness:
    """Calls that were sent, and how many values each still waits for."""

    def __init__(self) -> None:
        self._waits: dict[str, int] = {}
        self._children: dict[str, list[str]] = defaultdict(list)
        self._ended: set[str] = set()
        self.ready = 0
        """Calls sent that have not ended and wait for no other."""

    def sent(self, nodes: Iterable[Node]) -> None:
        """Count calls that were sent, parents before children."""
        for node in nodes:
            waits = [parent for parent in node.parents if parent not in self._ended]
            self._waits[node.key] = len(waits)
            self.ready += not waits
            for parent in waits:
                self._children[parent].append(node.key)

    def ended(self, key: str) -> None:
        """Count a call that has ended, with a value or without one."""
        self._ended.add(key)
        self.ready -= not self._waits.pop(key)
        for child in self._children.pop(key, ()):
            if child in self._waits:
                self._waits[child] -= 1
                self.ready += not self._waits[child]
