"""YAML that a few lines blow up, that no library reads, and words that no list takes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rt1t2_dask.cli.command_line import command, configured
from rt1t2_dask.errors import UserError

COHORT = """
name: mine
groups: {pat: P, hc: C}
reference: hc
contrasts: {patVsHc: [pat, hc]}
"""
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)
)


def composed(folder: Path, more: str | bytes, *words: str) -> object:
    (folder / "cohort").mkdir(exist_ok=True)
    content = more if isinstance(more, bytes) else (COHORT + more).encode()
    (folder / "cohort" / "mine.yaml").write_bytes(content)
    return configured(["+cohort=mine", "source=bids", "source.root=/x", *words], str(folder))


@pytest.mark.parametrize("more", [BOMB, "deep: " + "[" * 20_000, "deep: " + "{a: " * 5000 + "1"])
def test_a_few_lines_that_stand_for_gigabytes_are_refused_at_once(tmp_path, more):
    began = time.process_time()
    with pytest.raises(UserError, match=r"mine.yaml: more or deeper settings than a study has"):
        composed(tmp_path, more)
    assert time.process_time() - began < 5


@pytest.mark.parametrize("content", [
    COHORT.encode("utf-16"), COHORT.encode() + b"\xff\xfe", COHORT.encode() + b"x: \x00",
])  # fmt: skip
def test_a_file_that_is_no_text_is_named(tmp_path, content):
    try:
        composed(tmp_path, content)
    except UserError as error:
        assert "mine.yaml" in str(error)
        assert "\n" not in str(error)


def test_a_name_within_a_list_is_one_line(tmp_path):
    with pytest.raises(UserError, match="a list is set as a whole"):
        composed(tmp_path, "", "report.slices.name=x")


def test_a_name_longer_than_any_file_is_one_line(tmp_path):
    with pytest.raises(UserError, match="the settings cannot be read: File name too long"):
        composed(tmp_path, "", f"+cluster={'x' * 300}")


def test_aliases_that_repeat_little_are_taken(tmp_path):
    more = "covariates: &c [age]\nadjusted: []\nscores: *c\n"
    assert composed(tmp_path, more).cohort.scores == ("age",)


def test_what_is_typed_is_shown_without_moving_the_cursor(capsys):
    assert command(["+cohort=psp", "smooth.fwhm_mm=\x1b[2J"]) == 2
    said = capsys.readouterr().err
    assert said.rstrip("\n").isprintable()


@pytest.mark.parametrize("word", [
    "storage.url=s3://k:SECRET@bucket/x", "storage.endpoint=http://k:SECRET@127.0.0.1:1",
    "source.root=s3://k:SECRET@bucket/x", "cluster.address=tcp://k:SECRET@127.0.0.1:1",
    "files=[https://k:SECRET@host/x]",
])  # fmt: skip
def test_a_url_with_a_password_is_refused_and_not_repeated(tmp_path, word):
    with pytest.raises(UserError, match="must not contain credentials") as caught:
        composed(tmp_path, "", *(["cluster=address"] if "cluster" in word else []), word)
    assert "SECRET" not in str(caught.value)
    assert word.split("=")[0] in str(caught.value)
    assert composed(tmp_path, "", "storage.url=s3://bucket/a@b:c")
