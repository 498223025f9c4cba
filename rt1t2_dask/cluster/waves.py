"""A graph on a Dask cluster, submitted in waves, that ends whenever the scheduler is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from rt1t2_dask.cluster.graph import Lost, Node, Told, dask_graph
from rt1t2_dask.errors import RunError, UserError

if TYPE_CHECKING:
    from distributed import Client

LEAST_WAVE = 250
LOOK_S = 1.0


def require_scheduler(client: Client) -> None:
    """Raise CancelledError where the scheduler is lost."""
    if client.status != "running":
        raise CancelledError


class Answer(NamedTuple):
    """What became of a call."""

    key: str
    value: Any = None
    error: BaseException | None = None


class Waves:
    """One walk over a graph.

    Parameters
    ----------
    client : distributed.Client
    nodes : sequence of Node
        Parents before children.
    told : callable
        Called with the key and value of each node that ran.
    """

    def __init__(self, client: Client, nodes: Sequence[Node], told: Told) -> None:
        self.client, self.nodes, self.told = client, nodes, told
        self.loop: Any = client.loop
        self.submitted = self.wave = self.size = 0
        self.under_way: dict[str, Any] = {}
        self.values: dict[str, Any] = {}
        self.errors: dict[str, BaseException] = {}
        self.answers: SimpleQueue[Answer] = SimpleQueue()

    def run(self) -> Lost:
        """Run all nodes.

        Raises
        ------
        CancelledError
            When the scheduler is lost.
        """
        try:
            while self.submitted < len(self.nodes) or self.under_way:
                self._submit()
                if self.under_way:
                    self._take(self._next())
        except BaseException:
            self._drop()
            raise
        return self._lost()

    def _submit(self) -> None:
        """Send the next wave where no more than one is under way."""
        while self.submitted < len(self.nodes) and len(self.under_way) <= self.size:
            self.size = self._wave_size()
            self._send(self.nodes[self.submitted : self.submitted + self.size])
            self.submitted += self.size

    def _wave_size(self) -> int:
        """Return twice as many calls as there are threads now: workers come and go."""
        require_scheduler(self.client)
        try:
            threads: int = sum(self.client.nthreads().values())
        except OSError:
            raise CancelledError from None
        return max(LEAST_WAVE, 2 * threads)

    def _send(self, nodes: Sequence[Node]) -> None:
        sound = [node for node in nodes if not self._blamed(node)]
        if not sound:
            return
        require_scheduler(self.client)
        keys = [node.key for node in sound]
        futures = self.client.get(
            dask_graph(sound, self.values), keys, sync=False, priority=-self.wave, fifo_timeout="0s"
        )
        self.wave += 1
        sent = dict(zip(keys, futures, strict=True))
        self.under_way |= sent
        self.loop.add_callback(self._pass_all_on, sent)

    def _blamed(self, node: Node) -> bool:
        """Whether a node cannot run since one that it needs was lost."""
        error = next((self.errors[p] for p in node.parents if p in self.errors), None)
        if error is not None:
            self.errors[node.key] = error
        return error is not None

    async def _pass_all_on(self, sent: Mapping[str, Any]) -> None:
        await asyncio.gather(*(self._pass_on(key, future) for key, future in sent.items()))

    async def _pass_on(self, key: str, future: Any) -> None:
        try:
            self.answers.put(Answer(key, await future))
        except BaseException as error:
            lost = error if future.status == "error" else CancelledError()
            self.answers.put(Answer(key, error=lost))

    def _next(self) -> Answer:
        """Wait for an answer; a client that lost its scheduler may never give one."""
        while True:
            try:
                return self.answers.get(timeout=LOOK_S)
            except Empty:
                require_scheduler(self.client)

    def _take(self, answer: Answer) -> None:
        if isinstance(answer.error, CancelledError | UserError | RunError):
            raise answer.error
        self.under_way.pop(answer.key).release()
        if answer.error is not None:
            self.errors[answer.key] = answer.error
        else:
            self.values[answer.key] = answer.value
            self.told(answer.key, answer.value)

    def _lost(self) -> Lost:
        """Find who was lost itself: Dask blames a loss on all that needed it."""
        return {
            node.key: self.errors[node.key]
            for node in self.nodes
            if node.key in self.errors and not any(p in self.errors for p in node.parents)
        }

    def _drop(self) -> None:
        if self.client.status == "running":
            self.client.cancel(list(self.under_way.values()))
