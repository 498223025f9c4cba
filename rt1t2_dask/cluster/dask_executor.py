"""Calls on a Dask cluster as futures that always end, whenever the scheduler is lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from typing import TYPE_CHECKING, Any

from rt1t2_dask.cluster.graph import GraphExecutor, Lost, Node, Told
from rt1t2_dask.cluster.waves import Waves, require_scheduler

if TYPE_CHECKING:
    from distributed import Client


class ScheduledExecutor(GraphExecutor):
    """Submit calls to a scheduler; where it is lost, what it owes is cancelled.

    Dask's own executor leaves a future pending for ever when the scheduler ends between a call's
    end and the reading of its result.

    Parameters
    ----------
    client : distributed.Client
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._loop: Any = client.loop
        self._under_way: dict[Future[Any], Any] = {}

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit a call.

        Raises
        ------
        CancelledError
            When the scheduler was lost before.
        """
        require_scheduler(self._client)
        answer: Future[Any] = Future()
        self._under_way[answer] = self._client.submit(fn, *args, pure=False, **kwargs)
        self._loop.add_callback(self._pass_on, answer)
        return answer

    def walk(self, nodes: Sequence[Node], told: Told) -> Lost:
        """Run a graph on the workers.

        Raises
        ------
        CancelledError
            When the scheduler is lost.
        """
        return Waves(self._client, nodes, told).run()

    async def _pass_on(self, answer: Future[Any]) -> None:
        asked = self._under_way[answer]
        try:
            answer.set_result(await asked)
        except BaseException as error:
            if asked.status == "error":
                answer.set_exception(error)
            else:
                answer.cancel()
                answer.set_running_or_notify_cancel()  # wakes who waits
        finally:
            del self._under_way[answer]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for what is under way, or drop it."""
        if wait and not cancel_futures:
            wait_for(list(self._under_way))
        elif self._client.status == "running":
            self._client.cancel(list(self._under_way.values()))
