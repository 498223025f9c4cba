"""Print what happens with every habit: ``python tests/habits/habit_table.py``."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path

from habit_dataset import sound
from test_habits import CASES, Case

from rt1t2_dask.cli.command_line import command


def main() -> None:
    """Print one row a case: name, exit code, what is said of it."""
    sys.stdout.write("| case | exit | said |\n|---|---|---|\n")
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            sys.stdout.write(f"| {case.name} | {row(case, Path(folder))} |\n")


def row(case: Case, folder: Path) -> str:
    """Return exit code and the lines of the faults, or what is said where there is none."""
    dataset = sound(folder)
    case.change(dataset)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        code = command([*dataset.command, "check=true"])
    lines = printed.getvalue().replace(str(folder), "").replace("|", "\\|").splitlines()
    faults = [line for line in lines if line[:1].isdigit()]
    said = faults or [line for line in lines if any(words in line for words in case.says)]
    return f"{code} | {' '.join(dict.fromkeys(said))}"


if __name__ == "__main__":
    main()
