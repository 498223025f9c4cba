"""The documentation site, the citation and the container name what is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import rt1t2_dask

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

pytestmark = pytest.mark.skipif(not (ROOT / "mkdocs.yml").exists(), reason="not a checkout")


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def citation() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "CITATION.cff").read_text())


def pages(entry: Any) -> list[str]:
    """List the pages below an entry of the navigation."""
    if isinstance(entry, str):
        return [entry]
    inside = entry.values() if isinstance(entry, dict) else entry
    return [page for below in inside for page in pages(below)]


def test_every_page_is_in_the_navigation_once():
    named = pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    there = [
        p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*") if p.suffix in (".md", ".ipynb")
    ]
    assert len(set(named)) == len(named)
    assert set(there) <= set(named)
    assert all((DOCS / page).exists() or (ROOT / page).exists() for page in named)


def test_links_between_pages_and_to_the_repository_hold():
    tops = [*ROOT.glob("*.md"), *DOCS.glob("*.md"), *(ROOT / "containers").rglob("*.md")]
    for page in tops:
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            assert "://" in link or (page.parent / link).exists(), (page.name, link)


@pytest.mark.heavy
def test_the_site_builds_without_a_warning(tmp_path):
    folders = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    mkdocs = shutil.which("mkdocs", path=folders)
    if mkdocs is None:
        pytest.skip("mkdocs is not installed: pip install -e '.[docs]'")
    words = [mkdocs, "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "troubleshooting.html").exists()
    api = (tmp_path / "site" / "api.html").read_text()
    assert all(
        f'id="rt1t2_dask.{name}"' in api for name in ("study.open_study", "errors.UserError")
    )
    links = re.findall(r'href="(?!http)[^"]*\.md', "".join(
        page.read_text() for page in (tmp_path / "site").rglob("*.html")
    ))  # fmt: skip
    assert not links


def test_the_citation_is_of_this_software():
    found, ours = citation(), project()
    assert found["cff-version"] == "1.2.0"
    assert found["title"].replace("_", "-") == ours["name"]
    assert found["version"] == rt1t2_dask.__version__
    assert found["license"] == ours["license"]
    assert (
        f"## [{found['version']}] - {found['date-released']}" in (ROOT / "CHANGELOG.md").read_text()
    )


def test_the_citation_takes_dois_from_the_repository_alone():
    own = [
        *(ROOT / "rt1t2_dask" / "data").glob("*.*"),
        *(ROOT / "rt1t2_dask" / "report" / "templates").glob("*.json"),
    ]
    known = "".join(path.read_text() for path in own)
    dois = [item["doi"] for item in citation()["references"] if "doi" in item]
    assert dois
    assert not [doi for doi in dois if doi not in known]


def test_the_container_starts_a_command_of_the_package_as_an_ordinary_user():
    lines = (ROOT / "containers" / "Dockerfile").read_text().splitlines()
    command = next(line for line in lines if line.startswith("ENTRYPOINT"))
    assert any(f'["{name}"]' in command for name in project()["scripts"])
    users = [line.split()[1] for line in lines if line.startswith("USER")]
    assert users
    assert users[-1] not in ("root", "0")
    folder = next(line.split("=")[1] for line in lines if line.startswith("ARG ASSETS="))
    assert (ROOT / folder).is_dir()


def test_the_container_is_built_from_what_the_package_needs():
    passed = (ROOT / ".dockerignore").read_text().split()
    needed = (
        "conf",
        "containers",
        "pipelines",
        "rt1t2_dask",
        "storage",
        "pyproject.toml",
        "setup.py",
        "README.md",
    )
    assert not set(needed) & set(passed)
