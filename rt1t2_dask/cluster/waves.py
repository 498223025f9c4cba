"""A graph on a Dask cluster, submitted in waves, that ends whenever the scheduler is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rt1t2_dask.cluster.graph import Lost, Node, Told, dask_graph
from rt1t2_dask.cluster.readiness import Readiness
from rt1t2_dask.errors import RunError, UserError

if TYPE_CHECKING:
    from distributed import Client

LEAST_WAVE = 250
PAUSE_S = 0.05
PATIENCE_S = 1.0
NOT_ENDED = ("pending", "lost")
"""States of a future; one that is lost with its worker is computed again."""


def require_scheduler(client: Client) -> None:
    """Raise CancelledError where the scheduler is lost."""
    if client.status != "running":
        raise CancelledError


@contextmanager
def _loss_cancels(client: Client) -> Iterator[None]:
    """Raise CancelledError for whatever Dask raises where its scheduler is lost."""
    require_scheduler(client)
    try:
        yield
    except OSError:
        raise CancelledError from None
    except Exception:
        require_scheduler(client)
        raise


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
        self.loop: Any = client.loop.asyncio_loop  # type: ignore[union-attr]
        self.submitted = self.wave = self.size = self.threads = 0
        self.readiness = Readiness()
        self.under_way: dict[str, Any] = {}
        self.values: dict[str, Any] = {}
        self.errors: dict[str, BaseException] = {}

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
                self._look()
        except BaseException:
            self._drop()
            raise
        return self._lost()

    def _submit(self) -> None:
        """Send waves until more than one is under way and every thread has a call in reserve."""
        while self.submitted < len(self.nodes) and self._short():
            self.threads = self._threads_now()
            self.size = max(LEAST_WAVE, self.threads)
            self._send(self.nodes[self.submitted : self.submitted + self.size])
            self.submitted += self.size

    def _short(self) -> bool:
        """Whether threads may soon be idle: of a chain of calls only one can run at a time."""
        return len(self.under_way) <= self.size or self.readiness.ready < 2 * self.threads

    def _threads_now(self) -> int:
        """Return the number of threads: workers come and go."""
        with _loss_cancels(self.client):
            return sum(self.client.nthreads().values())

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
        self.under_way |= zip(keys, futures, strict=True)
        self.readiness.sent(sound)

    def _blamed(self, node: Node) -> bool:
        """Whether a node cannot run since one that it needs was lost."""
        error = next((self.errors[p] for p in node.parents if p in self.errors), None)
        if error is not None:
            self.errors[node.key] = error
        return error is not None

    def _look(self) -> None:
        """Take what has ended: states are looked up, for whoever waits can wait for ever."""
        require_scheduler(self.client)
        ended = {k: f for k, f in self.under_way.items() if f.status not in NOT_ENDED}
        if not ended:
            time.sleep(PAUSE_S)
            return
        values = self._values({k: f for k, f in ended.items() if f.status == "finished"})
        for key, future in ended.items():
            if future.status == "finished" and key in values:
                self._take(key, values[key])
            elif future.status == "error":
                self._take_error(key, future.exception())
            elif future.status == "cancelled":
                raise CancelledError

    def _values(self, futures: Mapping[str, Any]) -> Mapping[str, Any]:
        """Read values, all at once, for as long as the scheduler is there."""
        reading = asyncio.run_coroutine_threadsafe(self._read(dict(futures)), self.loop)
        while not wait([reading], PATIENCE_S).done:
            require_scheduler(self.client)
        with _loss_cancels(self.client):
            return reading.result()

    async def _read(self, futures: dict[str, Any]) -> Mapping[str, Any]:
        found: dict[str, Any] = await self.client.gather(futures, errors="skip", asynchronous=True)
        return found

    def _take(self, key: str, value: Any) -> None:
        self._end(key)
        self.values[key] = value
        self.told(key, value)

    def _take_error(self, key: str, error: BaseException) -> None:
        if isinstance(error, UserError | RunError):
            raise error
        self._end(key)
        self.errors[key] = error

    def _end(self, key: str) -> None:
        self.under_way.pop(key).release()
        self.readiness.ended(key)

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
