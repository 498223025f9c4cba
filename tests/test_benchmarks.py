"""What the benchmarks print is read back, tabled and drawn; every program can be called."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").exists(), reason="not a checkout")


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def test_lines_are_read_back(capsys):
    from summary.bars import least, most
    from summary.figures import conclude, parsed

    bars = {"fast": least(20.0), "wrong": most(1e-6), "rate": (0.93, 0.97), "lost": most(0.0)}
    found = {"fast": 12.5, "wrong": 3e-7, "rate": 0.95, "lost": None, "cpu_s": {"a": 2.0}}
    conclude("some", found, bars)
    printed = capsys.readouterr().out
    read = {figure.name: figure for figure in parsed("some", "a line\n" + printed)}
    assert json.loads(printed.splitlines()[-1]) == found
    assert list(read) == ["fast", "wrong", "rate", "lost", "cpu_s.a"]
    assert [f.verdict for f in read.values()] == [
        "MISSED", "kept", "kept", "not measured", "no bar",
    ]  # fmt: skip
    assert (read["rate"].lowest, read["rate"].highest) == (0.93, 0.97)


def test_a_program_that_prints_json_alone_is_read_with_its_bars():
    from summary.figures import parsed

    (figure,) = parsed("lake", 'said\n{"overhead_share": 0.2, "stages": [1, 2]}')
    assert (figure.name, figure.verdict) == ("overhead_share", "MISSED")
    assert parsed("lake", "nothing") == []


def test_a_failing_program_does_not_stop_the_rest(tmp_path):
    from summary import picture, running, table
    from summary.programs import Program

    class Line(Program):
        """A program that is its own first word."""

        def command(self, into, *, quick):
            return [sys.executable, "-c", self.words[0]]

    programs = [
        Line("bad", ("raise SystemExit(3)",)),
        Line("good", ("print('ratio  3  at least 2: kept')",)),
        Line("poor", needs=("no-such-package",)),
    ]
    records = running.run_all(programs, tmp_path, quick=False)
    states = [record["state"] for record in records]
    assert states == ["failed with exit code 3", "done", "needs no-such-package"]
    table.write(running.kept(tmp_path), tmp_path)
    picture.write(running.kept(tmp_path), tmp_path)
    rows = (tmp_path / "figures.tsv").read_text().splitlines()
    assert rows[1].split("\t")[:6] == ["good", "ratio", "3", "2", "n/a", "kept"]
    assert "needs no-such-package" in (tmp_path / "figures.md").read_text()
    assert (tmp_path / "figures.png").stat().st_size > 1000


def test_every_bar_belongs_to_a_program():
    from summary.bars import BARS
    from summary.programs import PROGRAMS

    assert set(BARS) <= {program.name for program in PROGRAMS}


def test_the_list_names_every_program_that_is_there():
    words = [sys.executable, "-m", "benchmarks", "--list"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"lake", "validity", "images"} <= {line.split()[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize("path", sorted(ROOT.glob("benchmarks/**/*.py")), ids=lambda p: p.stem)
def test_what_a_program_imports_of_the_package_is_there(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rt1t2_dask"):
            module = import_module(node.module)
            for alias in node.names:
                if not hasattr(module, alias.name):
                    import_module(f"{node.module}.{alias.name}")
