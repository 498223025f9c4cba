"""Which code a part's key covers: what makes it, and nothing of where and how it is run."""

from __future__ import annotations

import ast

import pytest

from rt1t2_dask.pipelines.catalogue import STAGES
from rt1t2_dask.pipelines.code import _named, reached

ELSEWHERE = (
    *("cluster", "cluster_jobs", "command_line", "bids", "report"),
    *(f"pipelines.{name}" for name in ("cohort", "plan", "study", "work", "write", "outputs")),
)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_keys_do_not_cover_where_the_work_runs(stage):
    names = {name.removeprefix("rt1t2_dask.") for name in reached((stage.make.__module__,))}
    assert f"pipelines.{stage.make.__module__.rpartition('.')[2]}" in names
    assert not names & set(ELSEWHERE)


def test_imports_for_types_alone_are_not_covered():
    text = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from p import types_only
else:
    from p import otherwise
def late():
    from p import inside
"""
    names = set(_named(ast.parse(text)))
    assert {"p.otherwise", "p.inside"} <= names
    assert "p.types_only" not in names
