"""The house keeps its shape: layers, top level, wheel, README, CI."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml

from rt1t2_dask.config.study import Cohort
from rt1t2_dask.pipelines.engine.code import _named

ROOT = Path(__file__).resolve().parent.parent
TOP = {
    "conf", "rt1t2_dask", "pipelines", "storage", "tests", "benchmarks", "docs",
    "pyproject.toml", "README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE",
    "CITATION.cff", "CODE_OF_CONDUCT.md", "containers", "mkdocs.yml", "setup.py", "constraints.txt",
}  # fmt: skip
SCIENCE = (
    "images", "ratio", "stats", "receptors", "simulate", "sites", "report", "morphometry",
    "transcriptome", "surface",
)  # fmt: skip

FROM_STORAGE = (
    *("rt1t2_dask.storage", "rt1t2_dask.errors", "rt1t2_dask.machine"),
    "rt1t2_dask.json_text",
)

ARCHITECTURE_CHARACTERS = 14_000
# What CONTRIBUTING.md adds to show how.
EXAMPLES = {"pipelines/images/halo.py", "tests/pipelines/images/test_halo.py"}

needs_checkout = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def sources() -> list[Path]:
    linked = [ROOT / "rt1t2_dask" / name for name in ("conf", "pipelines", "storage")]
    tops = ("rt1t2_dask", "pipelines", "storage")
    every = [path for top in tops for path in (ROOT / top).rglob("*.py")]
    return [path for path in every if not any(path.is_relative_to(link) for link in linked)]


def module_name(path: Path) -> str:
    steps = path.relative_to(ROOT).with_suffix("").parts
    steps = steps if steps[0] == "rt1t2_dask" else ("rt1t2_dask", *steps)
    return ".".join(steps).removesuffix(".__init__")


def test_no_module_imports_itself_through_others():
    imports = {module_name(p): set(_named(ast.parse(p.read_text()))) for p in sources()}
    graph = TopologicalSorter(
        {name: {i for i in found if i in imports} - {name} for name, found in imports.items()}
    )
    graph.prepare()  # raises CycleError, which names the circle


def test_no_folder_holds_more_than_twenty_modules():
    held = Counter(path.parent for path in sources())
    crowded = {str(folder.relative_to(ROOT)): n for folder, n in held.items() if n > 20}
    assert not crowded


@needs_checkout
def test_no_folder_of_benchmarks_holds_more_than_twenty_modules():
    held = Counter(path.parent for path in (ROOT / "benchmarks").rglob("*.py"))
    assert held
    assert max(held.values()) <= 20


@needs_checkout
def test_architecture_stays_short():
    assert len((ROOT / "ARCHITECTURE.md").read_text()) <= ARCHITECTURE_CHARACTERS


@needs_checkout
@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md", "docs/benchmarks.md"])
def test_modules_that_are_named_exist(page):
    named = set(re.findall(r"`((?:\w+/)+\w+\.py)\b", (ROOT / page).read_text())) - EXAMPLES
    tops = (ROOT, ROOT / "rt1t2_dask", ROOT / "pipelines")
    assert named
    assert not {name for name in named if not any((top / name).exists() for top in tops)}


@pytest.mark.parametrize("folder", SCIENCE)
def test_science_knows_no_storage_no_dask_no_config(folder):
    forbidden = ("rt1t2_dask.storage", "rt1t2_dask.pipelines", "rt1t2_dask.config", "dask",
                 "distributed", "hydra", "omegaconf", "zarr")  # fmt: skip
    for path in (ROOT / "rt1t2_dask" / folder).rglob("*.py"):
        wrong = [n for n in imported(path) if n.split(".")[0] in forbidden or n in forbidden
                 or n.startswith(tuple(f"{f}." for f in forbidden))]  # fmt: skip
        assert not wrong, (path.name, wrong)


def test_storage_knows_no_science():
    for path in (ROOT / "storage").glob("*.py"):
        ours = {n for n in imported(path) if n.startswith("rt1t2_dask")}
        wrong = [n for n in ours if not n.startswith(FROM_STORAGE)]
        assert not wrong, (path.name, wrong)


def test_only_the_command_line_knows_hydra():
    users = [
        path.name
        for path in sources()
        if any(name.split(".")[0] in ("hydra", "omegaconf") for name in imported(path))
    ]
    assert users == ["command_line.py"]


@needs_checkout
def test_top_level_is_what_the_design_names():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    top = {name.split("/")[0] for name in listed}
    assert {name for name in top if not name.startswith(".")} <= TOP
    assert not [name for name in listed if name.endswith((".nii", ".nii.gz", ".dcm", ".mgz"))]


@pytest.mark.heavy
@needs_checkout
@pytest.mark.slow
def test_wheel_carries_every_module_yaml_and_table(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(ROOT)],
        check=True,
    )
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    for folder, pattern in (
        ("rt1t2_dask", "*.py"),
        ("conf", "*.yaml"),
        ("pipelines", "*.py"),
        ("storage", "*.py"),
    ):
        top = ROOT / folder
        prefix = "rt1t2_dask" if folder == "rt1t2_dask" else f"rt1t2_dask/{folder}"
        for path in top.rglob(pattern):
            assert f"{prefix}/{path.relative_to(top)}" in names
    assert "rt1t2_dask/data/pet_parcels.tsv" in names
    assert any(name.endswith("report/templates/report.html") for name in names)
    assert not [name for name in names if name.endswith((".nii", ".nii.gz"))]


def blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


@needs_checkout
def test_ci_calls_the_readme_test_command():
    command = next(block for block in blocks("sh") if "pytest" in block).strip()
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


@needs_checkout
def test_ci_checks_style_and_types_first_and_runs_what_pytest_leaves_out():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    place = lines.index(next(block for block in blocks("sh") if "pytest" in block).strip())
    style = [".venv/bin/ruff check .", ".venv/bin/ruff format --check .", ".venv/bin/mypy"]
    assert all(line in lines[:place] for line in style)
    assert ".venv/bin/python -m pytest -m 'heavy and not packaging'" in lines[place:]
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]
    assert ".venv/bin/python -m pytest -m 'chaos and not heavy'" in lines[place:]
    assert "-m 'not heavy and not chaos'" in options["ini_options"]["addopts"]


def test_readme_python_runs(capsys):
    exec(compile("\n".join(blocks("python")), "README.md", "exec"), {})
    t, g, p = map(float, capsys.readouterr().out.split())
    assert t < -4
    assert g < -1.5
    assert p == 1 / 200


def test_readme_cohort_is_valid():
    cohort = Cohort.model_validate(yaml.safe_load(blocks("yaml")[0]))
    assert cohort.reference in cohort.groups


def test_readme_commands_are_understood(tmp_path, monkeypatch, capsys):
    from rt1t2_dask.cli.command_line import command

    monkeypatch.chdir(tmp_path)
    cohort = tmp_path / "my_study" / "cohort"
    cohort.mkdir(parents=True)
    (cohort / "my_study.yaml").write_text(blocks("yaml")[0])
    for line in "\n".join(blocks("sh")).splitlines():
        words = line.split("#")[0].split()
        if words[:3] == ["python", "-m", "rt1t2_dask"]:
            expected = 2 if any(w.startswith("source.root=/data") for w in words) else 0
            assert command([*words[3:], "dry_run=true"]) == expected, line


def docs_commands() -> list[str]:
    pages = sorted((ROOT / "docs").glob("*.md"))
    text = "\n".join(page.read_text() for page in pages)
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL))
    return [line for line in lines.replace("\\\n", " ").splitlines() if line.strip()]


@needs_checkout
@pytest.mark.parametrize("line", docs_commands())
def test_every_command_of_the_docs_runs(line, tmp_path, monkeypatch, capsys):
    """Dry, below a folder of the test; what lies far away is only composed."""
    from rt1t2_dask.cli.command_line import Job, _configure, _search_path, command
    from rt1t2_dask.cli.overrides import prepared

    monkeypatch.chdir(tmp_path)
    drafted = tmp_path / "my_study" / "cohort"
    drafted.mkdir(parents=True)
    (drafted / "my_study.yaml").write_text(
        blocks("yaml")[0].replace("name: mine", "name: my_study")
    )
    words = shlex.split(line.split("#")[0].replace("/data/", f"{tmp_path}/data/"))
    assert words[:3] == ["python", "-m", "rt1t2_dask"], line
    words = words[3:]
    if any("://" in word for word in words):
        settings = prepared(words[2:] if words[0] == "--config-dir" else words, (), sweep=False)
        assert _configure(Job((*_search_path("my_study"), *settings)))
    elif words[0] == "init" or words[0].startswith("lake="):
        assert command(words) == 2
        assert re.search(
            "no folder sub-|exists; choose|no run fits|there is no lake", capsys.readouterr().err
        )
    else:
        files = ("source.root=", "regions=", str(tmp_path))
        missing = any(word.startswith(files) for word in words)
        assert command([*words, "dry_run=true"]) == (2 if missing else 0), line
