"""Fill docs/quality-limits.md with what real and simulated people have.

    python -m benchmarks.scans.quality_limits REAL/group/quality.tsv SIMULATED/group/quality.tsv

REAL is the study that `real_scans.py` leaves (calibration=none), SIMULATED the default study.
Rewrites the columns of real and simulated numbers, and tests/reference/quality_real_sessions.tsv.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parents[2]
PAGE = HERE / "docs" / "quality-limits.md"
REFERENCE = HERE / "tests" / "reference" / "quality_real_sessions.tsv"
SESSIONS = {
    "sub-ms01a": "open_ms 01 study 1",
    "sub-ms01b": "open_ms 01 study 2",
    "sub-ms03b": "open_ms 03 study 2",
    "sub-ms04a": "open_ms 04 study 1",
    "sub-ms12a": "open_ms 12 study 1",
    "sub-tcga": "tcga_lgg",
}


def main(real: Path, simulated: Path) -> None:
    """Rewrite the table of the page and the reference of its tests."""
    columns = pd.read_csv(REFERENCE, sep="\t", nrows=0).columns[1:]
    found = read(real).rename(index=SESSIONS).loc[list(SESSIONS.values()), columns]
    found.index.name = "session"
    found.round(4).to_csv(REFERENCE, sep="\t")
    made = read(simulated)
    lines = [row(line, found, made) for line in PAGE.read_text().splitlines()]
    PAGE.write_text("\n".join(lines) + "\n")


def read(path: Path) -> pd.DataFrame:
    """Return the numbers of a table of quality by person."""
    return pd.read_csv(path, sep="\t", na_values="n/a").set_index("participant_id")


def row(line: str, real: pd.DataFrame, simulated: pd.DataFrame) -> str:
    """Return a line of the page with new numbers if it is one of the table."""
    cells = line.split("|")
    name = cells[1].strip().strip("`") if len(cells) == 9 else ""
    if name not in real.columns:
        return line
    values = real[name]
    cells[2:5] = [f" {number:.3g} " for number in (values.min(), values.median(), values.max())]
    cells[5] = f" {simulated[name].min():.3g} to {simulated[name].max():.3g} "
    return "|".join(cells)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
