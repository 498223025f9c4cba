"""The set of versions that is said to be tested, and what the project says of itself."""

from __future__ import annotations

import re
import tomllib

import pytest
import yaml
from checkouts import ROOT, needs_checkout
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import rt1t2_dask

pytestmark = needs_checkout

VERSIONS = ("3.11", "3.12", "3.13", "3.14")


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {name: Version(version) for name, version in pairs}


def asked(*extras: str) -> list[Requirement]:
    said = project()["project"]
    optional = [word for extra in extras for word in said["optional-dependencies"][extra]]
    return [Requirement(word) for word in (*said["dependencies"], *optional)]


def test_every_dependency_is_pinned_within_its_limits():
    pinned = pins()
    for requirement in asked("dicom"):
        version = pinned[canonicalize_name(requirement.name)]
        assert version in requirement.specifier, (requirement.name, version)
    # Programs that are only tested with may be left out where the tested environment has none.
    for requirement in asked("test"):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is None or version in requirement.specifier, (requirement.name, version)


def test_what_is_pinned_can_be_installed_from_an_index():
    assert len(pins()) > len(asked())
    assert not [name for name, version in pins().items() if version.local]
    assert "rt1t2-dask" not in pins()


def test_the_version_stands_in_one_place():
    said = project()
    assert "version" in said["project"]["dynamic"]
    assert "version" not in said["project"]
    assert said["tool"]["setuptools"]["dynamic"]["version"]["attr"] == "rt1t2_dask.__version__"
    assert re.fullmatch(r"\d+\.\d+\.\d+", rt1t2_dask.__version__)


def test_every_version_of_python_that_is_named_is_tested():
    said = project()["project"]["classifiers"]
    named = [c.split(" :: ")[-1] for c in said if re.search(r"Python :: 3\.\d+", c)]
    matrix = workflow("ci")["jobs"]["test"]["strategy"]["matrix"]
    assert tuple(named) == tuple(matrix["python"]) == VERSIONS
    assert {os.split("-")[0] for os in matrix["os"]} == {"ubuntu", "macos"}
    assert project()["project"]["requires-python"] == f">={VERSIONS[0]}"


@pytest.mark.parametrize(
    ("name", "commands"),
    [
        ("ci", ["python -m pytest", "python -m pytest -m heavy", "ruff check .", "mypy"]),
        ("release", ["python -m build", "twine check --strict dist/*"]),
        ("docs", ["mkdocs build --strict --site-dir build/site"]),
    ],
)
def test_workflows_run_what_a_contributor_runs(name, commands):
    steps = [step for job in workflow(name)["jobs"].values() for step in job["steps"]]
    run = [step["run"] for step in steps if "run" in step]
    assert set(commands) <= set(run)


def test_a_release_begins_with_a_tag_and_ends_without_a_secret():
    said = workflow("release")
    assert said[True]["push"] == {"tags": ["v*"]}  # YAML reads the word "on" as true
    publish = said["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert "secrets." not in (ROOT / ".github" / "workflows" / "release.yml").read_text()


def workflow(name: str) -> dict:
    return yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())
