"""Whole command lines in forked processes, so that thousands cost no more than what they do."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rt1t2_dask.cli.command_line import command

POLL_S = 0.002
KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Ended:
    """How a command line ended.

    Parameters
    ----------
    code : int
        Its exit code; below 0 the signal that ended it.
    out, err : str
        What it printed.
    wall_s : float
    """

    code: int
    out: str
    err: str
    wall_s: float


def warm() -> None:
    """Import what runs need, so that every fork has it."""
    import rt1t2_dask.pipelines.analyses
    import rt1t2_dask.pipelines.registry
    import rt1t2_dask.pipelines.study.run  # noqa: F401


class Running:
    """A command line in a child of this process.

    Parameters
    ----------
    words : sequence of str
    folder : Path
        Working folder; what it prints goes to files in it.
    environment : mapping of str to str
        Added to this process's.
    most_bytes : int, optional
        Of memory, above what this process has.
    """

    def __init__(
        self,
        words: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        most_bytes: int | None = None,
    ) -> None:
        self.folder, self.began, self.code = folder, time.monotonic(), None
        self.logs = [folder / "stdout", folder / "stderr"]
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._child(words, environment or {}, most_bytes)

    code: int | None

    def _child(
        self, words: Sequence[str], environment: Mapping[str, str], most: int | None
    ) -> None:
        code = 99
        try:
            os.setsid()
            os.chdir(self.folder)
            os.environ.update(environment)
            for number, path in zip((1, 2), self.logs, strict=True):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
            sys.stdout = os.fdopen(1, "w", closefd=False)
            sys.stderr = os.fdopen(2, "w", closefd=False, errors="backslashreplace")
            if most is not None:
                pages = int(Path("/proc/self/statm").read_text().split()[0])
                whole = pages * resource.getpagesize() + most
                resource.setrlimit(resource.RLIMIT_AS, (whole, whole))
            code = command(words)
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def ended(self) -> bool:
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None

    def wait(self, seconds: float) -> bool:
        """Wait for its end; False where it goes on."""
        end = time.monotonic() + seconds
        while not self.ended() and time.monotonic() < end:
            time.sleep(POLL_S)
        return self.ended()

    def kill(self) -> None:
        """Kill it with all that it started."""
        if not self.ended():
            os.killpg(self.pid, signal.SIGKILL)
            _, status = os.waitpid(self.pid, 0)
            self.code = os.waitstatus_to_exitcode(status)

    def result(self, seconds: float = 600) -> Ended:
        """Return how it ended; a timeout is its end by a signal."""
        if not self.wait(seconds):
            self.kill()
        out, err = (path.read_text(errors="replace") for path in self.logs)
        return Ended(self.code or 0, out, err, time.monotonic() - self.began)


def run(words: Sequence[str], folder: Path, seconds: float = 600, **more: object) -> Ended:
    """Run a command line to its end."""
    return Running(words, folder, **more).result(seconds)  # type: ignore[arg-type]
