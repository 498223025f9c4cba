"""Progress a person can read: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TextIO

from rt1t2_dask.errors import one_line
from rt1t2_dask.pipelines.engine.pace import Pace
from rt1t2_dask.pipelines.engine.task import Task
from rt1t2_dask.pipelines.engine.work import Outcome, Tell

log = logging.getLogger("rt1t2_dask")
SECONDS_BETWEEN_LINES = 15.0
STAGES_SAID = 3


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
    handler.addFilter(_as_one_line)
    log.addHandler(handler)
    log.setLevel(logging.INFO)


def _as_one_line(record: logging.LogRecord) -> bool:
    """Make a record safe to print: names of files may hold what moves a terminal's cursor."""
    record.msg, record.args = one_line(record.getMessage()), ()
    return True


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to whatever standard error is at that moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """Standard error now."""
        return sys.stderr


@contextmanager
def shown(
    tasks: Sequence[Task], pace: Pace | None = None, later: Mapping[str, int] | None = None
) -> Iterator[Tell]:
    """Show how many parts of each stage are done, and the time left, while the block runs.

    Parameters
    ----------
    tasks : sequence of Task
        What is made in the block.
    pace : Pace, optional
        The run's; without one all parts are taken to be as long.
    later : mapping of str to int, optional
        How many parts of each stage the run makes after the block.
    """
    pace = pace or Pace()
    pace.begin(tasks, later)
    try:
        with (_bars if sys.stderr.isatty() else _lines)(tasks, pace) as tell:
            yield tell
    finally:
        pace.end()


@contextmanager
def _lines(tasks: Sequence[Task], pace: Pace) -> Iterator[Tell]:
    total = Counter(task.stage for task in tasks)
    done: Counter[str] = Counter()
    last = time.monotonic()

    def tell(outcome: Outcome) -> None:
        nonlocal last
        pace.take(outcome)
        done[outcome.task.stage] += 1
        now = time.monotonic()
        if now - last < SECONDS_BETWEEN_LINES and done.total() < total.total():
            return
        last = now
        log.info("%s", _line(total, done, pace.left_s()))

    yield tell


@contextmanager
def _bars(tasks: Sequence[Task], pace: Pace) -> Iterator[Tell]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    name, left = TextColumn("{task.description:<11}"), TextColumn("{task.fields[left]}")
    total = Counter(task.stage for task in tasks)
    with Progress(
        name, BarColumn(), MofNCompleteColumn(), left, console=Console(stderr=True)
    ) as progress:
        bars = {stage: progress.add_task(stage, total=n, left="") for stage, n in total.items()}
        every = progress.add_task("all", total=total.total(), left="")

        def tell(outcome: Outcome) -> None:
            pace.take(outcome)
            progress.advance(bars[outcome.task.stage])
            progress.update(every, advance=1, left=f"about {_clock(pace.left_s())} left")

        yield tell


def _line(total: Counter[str], done: Counter[str], left_s: float) -> str:
    """Return the progress of the parts: the stages under way, else the next one."""
    parts, finished = total.total(), done.total()
    if finished == parts:
        return f"all {parts} parts done"
    begun = [f"{stage} {done[stage]}/{n}" for stage, n in total.items() if 0 < done[stage] < n]
    coming = next(stage for stage, n in total.items() if done[stage] < n)
    detail = ", ".join(begun[-STAGES_SAID:]) or f"next {coming}"
    return f"{finished} of {parts} parts, about {_clock(left_s)} left: {detail}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min"
