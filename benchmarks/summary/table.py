"""All figures as one table: TSV for programs, Markdown for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from summary.figures import Figure
from summary.running import Record

COLUMNS = ("program", "figure", "value", "lowest", "highest", "verdict", "quick", "commit")


def write(records: list[Record], into: Path) -> None:
    """Write ``figures.tsv`` and ``figures.md``."""
    rows = ["\t".join(COLUMNS), *("\t".join(row) for row in _rows(records))]
    (into / "figures.tsv").write_text("\n".join(rows) + "\n")
    (into / "figures.md").write_text("\n".join(_markdown(records)) + "\n")


def figures_of(record: Record) -> Iterator[Figure]:
    """Return the figures of a record."""
    for row in record["figures"]:
        yield Figure(row["name"], row["value"], row["lowest"], row["highest"])


def _rows(records: Iterable[Record]) -> Iterator[tuple[str, ...]]:
    for record in records:
        for found in figures_of(record):
            ends = (found.value, found.lowest, found.highest)
            values = ("n/a" if end is None else f"{end:.6g}" for end in ends)
            about = ("yes" if record["quick"] else "no", record["commit"])
            yield (record["program"], found.name, *values, found.verdict, *about)


def _markdown(records: Iterable[Record]) -> Iterator[str]:
    yield "# Benchmarks"
    for record in records:
        quick = ", short run: bars are set on full ones" if record["quick"] else ""
        yield f"\n## {record['program']}\n"
        yield f"{record['state']}, {record['wall_s']:g} s, {record['commit']}, "
        yield f"{record['machine']}, {record['finished']}{quick}\n"
        if record["figures"]:
            yield "| figure | value | bar | |\n|---|---|---|---|"
        for found in figures_of(record):
            value = "" if found.value is None else f"{found.value:.4g}"
            yield f"| {found.name} | {value} | {found.bar} | {found.verdict} |"
