"""Run benchmarks one by one and write one table and one picture.

python -m benchmarks [name ...] [--into FOLDER] [--quick] | --list
"""

from __future__ import annotations

import argparse
from pathlib import Path

from summary import picture, table
from summary.programs import Program, here
from summary.running import kept, run_all


def main() -> int:
    """Run what was asked for; 1 where a program failed or a figure missed its bar."""
    asked = _asked()
    if asked.list:
        print("\n".join(_listed(program) for program in here()))
        return 0
    into = asked.into.resolve()
    into.mkdir(parents=True, exist_ok=True)
    ran = run_all(_chosen(asked.name), into, quick=asked.quick)
    records = kept(into)
    table.write(records, into)
    picture.write(records, into)
    print(f"{into / 'figures.md'}, figures.tsv, figures.png: {len(records)} programs")
    missed = [f for record in ran for f in record["figures"] if f["verdict"] == "MISSED"]
    failed = [record for record in ran if record["state"].startswith("failed")]
    return int(bool(failed or (missed and not asked.quick)))


def _asked() -> argparse.Namespace:
    names = [program.name for program in here()]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Run benchmarks; without names all that need nothing by hand.",
    )
    parser.add_argument("name", nargs="*", metavar="name", help=f"of {', '.join(names)}")
    parser.add_argument("--into", type=Path, default=Path("outputs/benchmarks"), metavar="FOLDER",
                        help="logs, table and picture (default: outputs/benchmarks)")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="short runs: does each still work?")
    parser.add_argument("--list", action="store_true", help="say what there is")
    asked = parser.parse_args()
    if unknown := sorted(set(asked.name) - set(names)):
        parser.error(f"no program {', '.join(unknown)}; there are {', '.join(names)}")
    return asked


def _chosen(names: list[str]) -> list[Program]:
    if names:
        return [program for program in here() if program.name in names]
    return [program for program in here() if not program.by_hand]


def _listed(program: Program) -> str:
    lacking = program.lacks()
    note = f" [by hand: it {program.by_hand}]" if program.by_hand else ""
    note += f" [not here: {', '.join(lacking)}]" if lacking else ""
    return f"{program.name:26s}{program.measures}{note}"


if __name__ == "__main__":
    raise SystemExit(main())
