"""Which code a part's key covers: what makes it, and nothing of where and how it is run."""

from __future__ import annotations

import ast

import pytest

from rt1t2_dask.pipelines.engine.code import _named, reached
from rt1t2_dask.pipelines.registry import STAGES

ELSEWHERE = (
    *("cluster.", "cli.", "bids.participants", "bids.files", "report.", "config."),
    *(f"pipelines.{name}." for name in ("people", "study", "outputs", "sensitivity")),
    *(f"pipelines.engine.{name}" for name in ("work", "resources", "chain")),
    "pipelines.registry",
)
PLANNING = (".plan", ".stages")
"""Plans, and records of stages: words, memory and CPU seconds decide no number."""


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_keys_do_not_cover_where_the_work_runs(stage):
    names = {name.removeprefix("rt1t2_dask.") for name in reached((stage.make.__module__,))}
    assert stage.make.__module__.removeprefix("rt1t2_dask.") in names
    assert not [name for name in names if name.startswith(ELSEWHERE) or name.endswith(PLANNING)]


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
