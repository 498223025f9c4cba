"""Paths and names on the command line are taken letter by letter, whatever Hydra's grammar says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rt1t2_dask.cli.command_line import Job, _configure
from rt1t2_dask.cli.overrides import prepared

SETTINGS = ("source=bids", "+cohort=psp")


def root(value: str) -> str:
    """Return ``source.root`` of a study, as typed."""
    words = prepared([*SETTINGS, f"source.root={value}"], (), sweep=False)
    return _configure(Job(tuple(words))).source.root


@pytest.mark.parametrize(
    "path",
    ["/data/a, b", "/data/O'Brien", '/data/the "old" one', "/data/(new", "/data/a=b", "~/data",
     "/data/{id}", "{label}/x", "/data/x]", "/data/1:2", "/data/a#b", "C:\\data\\new", "/data/é",
     "/data/'a' and 'b'", "/data/b\\", "null_study", "1e3", "2020.10", "true"],
)  # fmt: skip
def test_a_path_is_taken_as_it_is(path):
    assert root(path) == path


@pytest.mark.heavy
@settings(max_examples=40)  # each composes a whole configuration
@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=12))
def test_any_path_that_is_not_quoted_is_taken_as_it_is(tail):
    path = f"/d{tail}"
    if "\\" not in path and "${" not in path and "\N{PARAGRAPH SEPARATOR}" not in path:
        assert root(path) == path


@pytest.mark.parametrize(
    ("typed", "taken"),
    [("'/data/a, b'", "/data/a, b"), ('"/data/a=b"', "/data/a=b"), ("/data/a\\, b", "/data/a, b")],
)
def test_quotes_and_escapes_are_still_understood(typed, taken):
    assert root(typed) == taken


def test_a_session_is_text_and_null_is_none():
    words = (*SETTINGS, "source.root=x")

    def session(value: str) -> object:
        given = prepared([*words, f"source.session={value}"], (), sweep=False)
        return getattr(_configure(Job(tuple(given))).source, "session", "")

    assert session("01") == "01"
    assert session("1e3") == "1e3"
    assert session("ses-2") == "2"
    assert session("{visit}") == "{visit}"
    assert session("null") is None
