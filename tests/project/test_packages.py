"""Wheel and sdist hold the package, and install from any checkout and anywhere."""

from __future__ import annotations

import sys
import tarfile
from importlib.util import find_spec

import pytest
from checkouts import SIX_PEOPLE, built, copied, environment, needs_checkout, run

pytestmark = [pytest.mark.heavy, pytest.mark.packaging, needs_checkout, pytest.mark.timeout(3600)]

BESIDE = ("conf", "pipelines", "storage")
CODE = """
from importlib.util import find_spec
from rt1t2_dask.cli.command_line import command
print(find_spec("rt1t2_dask.pipelines.images.stages").origin)
raise SystemExit(command(["+cohort=psp", "dry_run=true"]))
"""


def test_a_checkout_without_symbolic_links_gives_the_same_wheel(tmp_path):
    plain = copied(tmp_path / "plain", links=False)
    assert all((plain / "rt1t2_dask" / name).read_text() == f"../{name}" for name in BESIDE)
    without = built(plain, tmp_path / "without")
    linked = built(copied(tmp_path / "linked", links=True), tmp_path / "with")
    assert without == linked
    for name in BESIDE:
        assert f"rt1t2_dask/{name}/__init__.py" in linked
    assert not [name for name in linked if name.startswith(tuple(f"{b}/" for b in BESIDE))]


@pytest.mark.parametrize("links", [True, False], ids=["linked", "plain"])
def test_an_editable_install_runs_the_checkout(links, tmp_path):
    """Its own code before that of this environment, which has the libraries."""
    tree = copied(tmp_path / "tree", links=links)
    bin_ = environment(tmp_path / "env")
    run([str(bin_ / "pip"), "install", "-q", "--no-deps", "-e", str(tree)])
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages")
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    (site / "zz_libraries.pth").write_text("\n".join(libraries))
    said = run([str(bin_ / "python"), "-c", CODE], tmp_path)
    assert said.splitlines()[0].startswith(str(tree))
    assert "29 people: 11 psp, 18 hc" in said


def test_an_sdist_installs_in_a_fresh_environment_and_runs_a_study(tmp_path):
    for tool in ("build", "twine"):
        if find_spec(tool) is None:
            pytest.skip(f"{tool} is not installed: pip install -e '.[test]'")
    tree = copied(tmp_path / "tree", links=True)
    run([sys.executable, "-m", "build", "--outdir", str(tmp_path / "dist"), str(tree)])
    run([sys.executable, "-m", "twine", "check", "--strict", *map(str, files(tmp_path))])
    (sdist,) = (tmp_path / "dist").glob("*.tar.gz")
    with tarfile.open(sdist) as held:
        names = held.getnames()
    assert not [name for name in names if name.split("/")[1:3] == ["rt1t2_dask", "pipelines"]]
    bin_ = environment(tmp_path / "env")
    run([str(bin_ / "pip"), "install", "-q", str(sdist)])
    work = tmp_path / "work"
    work.mkdir()
    assert "+cohort=NAME" in run([str(bin_ / "rt1t2-dask"), "--help"], work)
    run([str(bin_ / "rt1t2-dask"), *SIX_PEOPLE], work)
    assert (work / "outputs" / "psp" / "report.html").stat().st_size > 100_000


def files(tmp_path) -> list:
    made = sorted((tmp_path / "dist").iterdir())
    assert [path.suffix for path in made] == [".whl", ".gz"]
    return made
