"""Upkeep of a lake from the command line: status, verification, garbage collection."""

from __future__ import annotations

import sys
from collections.abc import Callable

from rt1t2_dask.config.study import Storage
from rt1t2_dask.errors import UserError
from rt1t2_dask.storage import upkeep
from rt1t2_dask.storage.parts import Lake

DONE, UNSOUND = 0, 1


def run_upkeep(action: str, storage: Storage, dry_run: bool) -> int:
    """Run an upkeep action on a lake.

    Parameters
    ----------
    action : str
        ``status``, ``verify`` or ``gc``.
    storage : Storage
    dry_run : bool
        ``gc`` only reports what it would remove.

    Returns
    -------
    int
        0, or 1 if ``verify`` found a problem.

    Raises
    ------
    UserError
        For another action, or if there is no lake.
    """
    if action not in ACTIONS:
        raise UserError(f"lake={action}: choose from {', '.join(ACTIONS)}, publish.")
    lake = Lake(storage.url, storage.options())
    if not lake.store.children() & {"parts/", "runs/"}:
        raise UserError(
            f"storage.url={storage.url}: there is no lake; set it to the lake of a run."
        )
    lines, code = ACTIONS[action](lake, dry_run)
    sys.stdout.write("\n".join([f"lake {storage.url}", *lines]) + "\n")
    return code


def _status(lake: Lake, dry_run: bool) -> tuple[list[str], int]:
    rows = upkeep.status(lake)
    lines = [f"{'stage':<12}{'whole':>7}{'half':>6}{'in runs':>9}{'MB':>10}"]
    lines += [
        f"{r.stage:<12}{r.complete:>7}{r.incomplete:>6}{r.referenced:>9}{r.size / 1e6:>10.1f}"
        for r in rows
    ]
    return [*lines, f"{sum(row.size for row in rows) / 1e9:.2f} GB in all"], DONE


def _verify(lake: Lake, dry_run: bool) -> tuple[list[str], int]:
    problems, unmade = upkeep.verify(lake), len(upkeep.unmade(lake))
    planned = f"{unmade} parts were planned by runs that have not finished, and are not there"
    if not problems:
        return ["all parts match their checksums", *([planned] if unmade else [])], DONE
    return [
        *problems,
        f"{len(problems)} problems: delete those parts' .json and run again",
    ], UNSOUND


def _gc(lake: Lake, dry_run: bool) -> tuple[list[str], int]:
    gone = upkeep.gc(lake, dry_run=dry_run)
    verb = "would remove" if dry_run else "removed"
    text = f"{verb} {len(gone.parts)} parts without a run, {gone.size / 1e6:.1f} MB"
    kept = f"{len(gone.claimed)} kept because they are claimed, {gone.young} as under a day old"
    return [text, kept], DONE


ACTIONS: dict[str, Callable[[Lake, bool], tuple[list[str], int]]] = {
    "status": _status,
    "verify": _verify,
    "gc": _gc,
}
