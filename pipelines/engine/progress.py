"""Progress a person can read: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.engine.work import Outcome, Tell

log = logging.getLogger("rt1t2_dask")
SECONDS_BETWEEN_LINES = 15.0


def start_logging() -> None:
    """Send the log to standard error, in colour on a terminal."""
    if log.handlers:
        return
    handler: logging.Handler
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.logging import RichHandler

        handler = RichHandler(console=Console(stderr=True), show_path=False, show_level=False)
    else:
        handler = _StandardError()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to whatever standard error is at that moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """Standard error now."""
        return sys.stderr


@contextmanager
def shown(tasks: Sequence[Task]) -> Iterator[Tell]:
    """Show how many parts of each stage are done while the block runs."""
    with _bars(tasks) if sys.stderr.isatty() else _lines(tasks) as tell:
        yield tell


@contextmanager
def _lines(tasks: Sequence[Task]) -> Iterator[Tell]:
    total = Counter(task.stage for task in tasks)
    done: Counter[str] = Counter()
    began = last = time.monotonic()

    def tell(outcome: Outcome) -> None:
        nonlocal last
        done[outcome.task.stage] += 1
        finished, now = done.total(), time.monotonic()
        if now - last < SECONDS_BETWEEN_LINES and finished < total.total():
            return
        last = now
        log.info("%s", _line(total, done, now - began))

    yield tell


@contextmanager
def _bars(tasks: Sequence[Task]) -> Iterator[Tell]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    columns = (TextColumn("{task.description:<11}"), BarColumn(), MofNCompleteColumn(), Left())
    total = Counter(task.stage for task in tasks)
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bars = {stage: progress.add_task(stage, total=n) for stage, n in total.items()}
        yield lambda outcome: progress.advance(bars[outcome.task.stage])


def _line(total: Counter[str], done: Counter[str], spent: float) -> str:
    """Say how far the parts are; between two stages, which one is next."""
    parts, finished = total.total(), done.total()
    if finished == parts:
        return f"all {parts} parts done"
    left = _clock(spent / finished * (parts - finished))
    begun = [f"{stage} {done[stage]}/{n}" for stage, n in total.items() if 0 < done[stage] < n]
    coming = next(stage for stage, n in total.items() if done[stage] < n)
    detail = ", ".join(begun) or f"next {coming}"
    return f"{finished} of {parts} parts, about {left} left: {detail}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min"
