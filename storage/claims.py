"""Claims: of all processes that need a part, one makes it and the others wait.

A claim is a numbered object made by exclusive create, the one primitive that local disks and
buckets share. Its holder rewrites it as a heartbeat. A claim unchanged for its lease, by the
waiter's own clock, is dead; the next number can then be created. Clocks are never compared.
"""

import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.json_text import parsed_object
from rt1t2_dask.machine import host, is_running, start_time
from rt1t2_dask.storage.stores import Store

LEASE_S = 60.0
# Ours are of a minute; a damaged one must not be waited for without end.
_MOST_LEASE_S = 3600.0
_BEATS_PER_LEASE = 4
_POLL_S = (0.05, 1.0)
_CLOCK_STEP_S = 2.0  # bucket times have a resolution of one second


@contextmanager
def claimed(
    store: Store, name: str, is_done: Callable[[], bool], lease_s: float = LEASE_S
) -> Iterator[bool]:
    """Hold the claim `name`, or wait until its work is done.

    Parameters
    ----------
    store : Store
    name : str
        Name of the work, unique in the store.
    is_done : callable
        Whether the work is complete.
    lease_s : float
        Seconds without a heartbeat after which others may take over this claim. A dead process
        of the same host is noticed at once.

    Yields
    ------
    bool
        True: the caller holds the claim and must do the work. False: it is done.
    """
    claim = _acquire(store, name, is_done, lease_s)
    if claim is None:
        yield False
        return
    try:
        with claim.beating():
            yield True
    finally:
        claim.release()


def live_claims(store: Store) -> set[str]:
    """Return the names of all claimed work, dead claims included until they are taken over."""
    return {path.removeprefix("claims/").rpartition(".")[0] for path in store.list("claims")}


def release_dead(store: Store) -> set[str]:
    """Remove the claims of dead processes of killed runs; return their names.

    Age is by the store's clock: a fresh object's time minus that of the last heartbeat.
    """
    entries = list(store.entries("claims"))
    now = _store_time(store) if entries else 0.0
    released = set()
    for entry in entries:
        name, _, number = entry.path.removeprefix("claims/").rpartition(".")
        if not number.isdecimal():
            continue
        try:
            holder = _holder(store.read(entry.path))
        except FileNotFoundError:
            continue
        if _has_ended(holder) or now - entry.modified > holder["lease_s"] + _CLOCK_STEP_S:
            successor = _Claim(store, name, int(number) + 1, holder["lease_s"])
            if successor.create():
                successor.release()
                released.add(name)
    return released


def _store_time(store: Store) -> float:
    folder = f"clock/{uuid.uuid4().hex}"
    store.write(f"{folder}/now", b"")
    modified = next(store.entries(folder)).modified
    store.delete_prefix(folder)
    return modified


def _acquire(
    store: Store, name: str, is_done: Callable[[], bool], lease_s: float
) -> "_Claim | None":
    watch = _Watch()
    pause = _POLL_S[0]
    while not is_done():
        number, content = _current(store, name)
        if content is None or watch.is_dead(number, content):
            claim = _Claim(store, name, number + 1, lease_s)
            if claim.create():
                # Another process may have finished and released between the check and the claim.
                if not is_done():
                    return claim
                claim.release()
        else:
            time.sleep(pause)
            pause = min(2 * pause, _POLL_S[1])
    return None


def _current(store: Store, name: str) -> tuple[int, bytes | None]:
    folder, _, work = f"claims/{name}".rpartition("/")
    while claims := [child for child in store.children(folder) if _is_claim(child, work)]:
        number = max(int(claim.rpartition(".")[2]) for claim in claims)
        try:
            return number, store.read(_path(name, number))
        except FileNotFoundError:
            continue
    return -1, None


def _path(name: str, number: int) -> str:
    return f"claims/{name}.{number}"


def _is_claim(child: str, work: str) -> bool:
    """Return whether a name is that of a claim; file managers leave files of their own."""
    return child.startswith(f"{work}.") and child.removeprefix(f"{work}.").isdecimal()


class _Watch:
    """A waiter's observation of a claim, and how long it has been unchanged."""

    def __init__(self) -> None:
        self._seen: tuple[int, bytes] | None = None
        self._since = 0.0

    def is_dead(self, number: int, content: bytes) -> bool:
        holder = _holder(content)
        if (number, content) != self._seen:
            self._seen, self._since = (number, content), time.monotonic()
        return _has_ended(holder) or bool(time.monotonic() - self._since > holder["lease_s"])


def _holder(content: bytes) -> dict[str, Any]:
    """Return what a claim says; of one that is being written, or damaged, that nobody is known."""
    try:
        holder = parsed_object(content)
        lease_s = min(float(holder["lease_s"]), _MOST_LEASE_S)
        numbers = {"pid": int(holder["pid"]), "started": holder["started"], "lease_s": lease_s}
        return {"host": str(holder["host"]), **numbers}
    except (ValueError, TypeError, LookupError, OverflowError):
        return {"host": None, "lease_s": LEASE_S}


def _has_ended(holder: dict[str, Any]) -> bool:
    """Return whether the holder is known to be dead; unknown for other hosts."""
    return holder["host"] == host() and not is_running(holder["pid"], holder["started"])


class _Claim:
    def __init__(self, store: Store, name: str, number: int, lease_s: float) -> None:
        self._store, self._name, self._number = store, name, number
        self._lease_s = lease_s
        self._token, self._beat = uuid.uuid4().hex, 0
        self._stop = threading.Event()

    def _content(self) -> bytes:
        holder: dict[str, Any] = {
            "token": self._token,
            "host": host(),
            "pid": os.getpid(),
            "started": start_time(os.getpid()),
            "lease_s": self._lease_s,
            "beat": self._beat,
        }
        return json.dumps(holder).encode()

    def create(self) -> bool:
        return self._store.create(_path(self._name, self._number), self._content())

    @contextmanager
    def beating(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run, name="claim", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._lease_s / _BEATS_PER_LEASE):
            self._beat += 1
            # A missed heartbeat only lets another repeat the work; it must not end this holder's.
            with suppress(Exception):
                self._store.write(_path(self._name, self._number), self._content())

    def release(self) -> None:
        # Own number last, so that no lower, dead one is mistaken for the holder's. What cannot be
        # removed expires with its lease; the work itself is done.
        with suppress(RunError, UserError):
            for number in range(self._number + 1):
                self._store.delete(_path(self._name, number))
