"""The tab key in a real bash."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from rt1t2_dask.cli.command_line import command

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert command(["completion=bash"]) == 0
    path = tmp_path_factory.mktemp("bash") / "completion.sh"
    path.write_text(out.getvalue())
    (path.parent / "mine" / "cohort").mkdir(parents=True)
    (path.parent / "mine" / "cohort" / "migraine.yaml").write_text("name: migraine\n")
    return path


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("rt1t2-dask +co", {"+cohort="}),
        ("rt1t2-dask +cohort=ps", {"psp", "psp_vs_psps2", "psps2"}),
        ("rt1t2-dask --config-dir mine +cohort=mi", {"migraine"}),
        ("rt1t2-dask +cohort=psp smooth.", {"smooth.fwhm_mm=", "smooth.edge=", "smooth.tissue="}),
        ("rt1t2-dask +cohort=psp smooth.edge=", {"normalised", "spm"}),
        ("rt1t2-dask +cohort=psp source=b", {"bids"}),
        ("rt1t2-dask +cohort=psp dry_run=t", {"true"}),
        ("rt1t2-dask --ver", {"--version"}),
        ("rt1t2-dask source.root=mi", {"mine"}),
    ],
)
def test_words_are_completed(script, line, expected):
    program = (
        'source completion.sh; COMP_LINE="$1"; COMP_POINT=${#1}; _rt1t2_dask; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", program, "bash", line],
        cwd=script.parent, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert set(done.stdout.split()) == expected


def test_another_shell_is_refused(capsys):
    assert command(["completion=fish"]) == 2
    assert "choose bash or zsh" in capsys.readouterr().err
