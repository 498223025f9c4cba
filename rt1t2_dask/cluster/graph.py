"""Calls that need each other's values as one Dask graph, and executors that run such a graph."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

Told = Callable[[str, Any], None]
"""Called with the key and value of each node that ran."""
Lost = Mapping[str, BaseException]
"""The nodes that Dask could not run, and why; not what needed them."""


@dataclass(frozen=True)
class Node:
    """One call of a graph.

    Parameters
    ----------
    key : str
        ``name-digest``, unique on the scheduler: Dask groups calls by the name.
    function : callable
        Called with `args`, then the values of `parents`.
    args : tuple
    parents : tuple of str
        Keys of earlier nodes.
    """

    key: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    parents: tuple[str, ...] = ()

    def __call__(self, *values: Any) -> Any:
        """Call with the values of the parents."""
        return self.function(*self.args, *values)

    def __dask_tokenize__(self) -> str:
        """Return the key, so that Dask does not hash all arguments."""
        return self.key


class GraphExecutor(Executor):
    """An executor that also runs a graph of calls, depth first."""

    @abstractmethod
    def walk(self, nodes: Sequence[Node], told: Told) -> Lost:
        """Run a graph.

        Parameters
        ----------
        nodes : sequence of Node
            Parents before children.
        told : callable
            Called in this thread, once for each node.

        Returns
        -------
        mapping of str to exception
            The nodes that could not be run on any worker; what needed them was not run.

        Raises
        ------
        Exception
            What a call raised.
        """


class SerialExecutor(GraphExecutor):
    """Run each call at once in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call now and give a finished future."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future

    def walk(self, nodes: Sequence[Node], told: Told) -> Lost:
        """Run a graph, one call after the other."""
        from dask.local import get_sync as get

        get(dask_graph(nodes), [node.key for node in nodes], callbacks=_callbacks(told))
        return {}


class ThreadsExecutor(ThreadPoolExecutor, GraphExecutor):
    """Run calls in threads of this process."""

    def walk(self, nodes: Sequence[Node], told: Told) -> Lost:
        """Run a graph on all threads."""
        from dask.threaded import get

        keys = [node.key for node in nodes]
        get(dask_graph(nodes), keys, pool=self, callbacks=_callbacks(told))
        return {}


def dask_graph(nodes: Iterable[Node], known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the graph as Dask takes it; values that are known already stand in it themselves."""
    from dask._task_spec import DataNode, Task, TaskRef

    values = known or {}
    return {
        node.key: Task(
            node.key,
            node,
            *(DataNode(None, values[p]) if p in values else TaskRef(p) for p in node.parents),
        )
        for node in nodes
    }


def _callbacks(told: Told) -> list[tuple[Any, ...]]:
    """Return Dask's five callbacks, of which the fourth follows each call."""

    def after(key: str, value: Any, *_: Any) -> None:
        told(key, value)

    return [(None, None, None, after, None)]
