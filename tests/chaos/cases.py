"""What a fuzzed case is, what must come of it, and how it is read under limits."""

from __future__ import annotations

import hashlib
import signal
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from types import FrameType
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from rt1t2_dask.errors import RunError, SubjectError, UserError
from rt1t2_dask.tabular import CONTROL

NAME = "chaos-file"
OURS = (UserError, SubjectError, RunError)
MOST_CPU_S = 8.0
MOST_CHARACTERS = 4000


@dataclass(frozen=True)
class Case:
    """A hostile input.

    Parameters
    ----------
    content : Any
        Bytes of a file, or words.
    how : str
        What was done to it.
    expected : str
        ``any``; ``same`` as of the sound file; ``refused``; ``same or refused``.
    """

    content: Any
    how: str
    expected: str = "any"


@dataclass(frozen=True)
class Reader:
    """Something that reads files of other people.

    Parameters
    ----------
    name : str
    make : callable
        A case from random numbers.
    read : callable
        Content to result; anything but our errors is a fault.
    sound : Any
        Content whose result `same` cases must have.
    share : float
        Of all cases, against other readers'.
    named : bool
        Whether errors must name the file.
    lines : int
        Most lines of an error: tables and settings list one fault a line.
    check : callable, optional
        Raises AssertionError for a result that is wrong.
    """

    name: str
    make: Callable[[np.random.Generator], Case]
    read: Callable[[Any], Any]
    sound: Any = None
    share: float = 1.0
    named: bool = True
    lines: int = 1
    check: Callable[[Any, Any], None] | None = None


class TooSlowError(BaseException):
    """A case took too much CPU time; no `except Exception` keeps it back."""


def told(result: Any) -> str:
    """Digest a result, so that two can be compared."""
    found = hashlib.sha256()
    _feed(found.update, result)
    return found.hexdigest()


def _feed(take: Callable[[bytes], None], value: Any) -> None:
    if isinstance(value, np.ndarray):
        take(repr((value.shape, value.dtype.str)).encode())
        take(repr(value.tolist()).encode() if value.dtype == object else value.tobytes())
    elif isinstance(value, pd.DataFrame):
        take(value.to_json(orient="split", default_handler=str).encode())
    elif isinstance(value, xr.Dataset):
        _feed(take, {str(name): own.to_numpy() for name, own in value.variables.items()})
    elif is_dataclass(value) and not isinstance(value, type):
        _feed(take, {each.name: getattr(value, each.name) for each in fields(value)})
    elif isinstance(value, Mapping):
        for key in sorted(value, key=repr):
            take(repr(key).encode())
            _feed(take, value[key])
    elif isinstance(value, list | tuple):
        take(b"(")
        for item in value:
            _feed(take, item)
    else:
        take(repr(value).encode("utf-8", "backslashreplace"))


def unsafe(text: str) -> bool:
    """Whether a text would move a terminal's cursor, end its line or turn its direction."""
    return bool(CONTROL.search(text))


def _too_slow(number: int, frame: FrameType | None) -> None:
    raise TooSlowError(f"took more than {MOST_CPU_S:g} s of CPU time")


def fault_of(reader: Reader, case: Case, sound: str | None) -> str | None:
    """Read a case; describe what is wrong with what came of it, None where nothing is."""
    signal.signal(signal.SIGPROF, _too_slow)
    signal.setitimer(signal.ITIMER_PROF, MOST_CPU_S)
    try:
        with warnings.catch_warnings(action="ignore"):
            result = reader.read(case.content)
        signal.setitimer(signal.ITIMER_PROF, 0)
        return _of_result(reader, case, result, sound)
    except OURS as error:
        return _of_message(reader, case, str(error))
    except TooSlowError as error:
        return f"too slow: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}{_where(error)}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _where(error: Exception) -> str:
    """Return the last place of ours and the last of all in a traceback."""
    trace, ours, last = error.__traceback__, "", ""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        last = f"{name.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
        if "/tests/" not in name and "/site-packages/" not in name and "/lib/python" not in name:
            ours = last
        trace = trace.tb_next
    return f" at {ours} ({last})"


def _of_result(reader: Reader, case: Case, result: Any, sound: str | None) -> str | None:
    if case.expected == "refused":
        return "was read, though it is broken"
    if case.expected.startswith("same") and told(result) != sound:
        return "was read as something else"
    if reader.check is not None:
        try:
            reader.check(case.content, result)
        except AssertionError as error:
            return f"gives a wrong result: {str(error)[:300]}"
    return None


def _of_message(reader: Reader, case: Case, text: str) -> str | None:
    if case.expected == "same":
        return f"was refused, though it is sound: {text[:200]}"
    if len(text.splitlines()) > reader.lines:
        return f"a message of {len(text.splitlines())} lines: {text[:200]!r}"
    if not all(line.isprintable() for line in text.split("\n")):
        return f"a message with control characters: {text[:200]!r}"
    if len(text) > MOST_CHARACTERS * reader.lines:
        return f"a message of {len(text)} characters: {text[:100]!r}"
    if reader.named and NAME not in text:
        return f"a message that does not name the file: {text[:200]!r}"
    return None
