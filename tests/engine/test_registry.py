"""Every stage says all that planning, running and reporting ask of it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from rt1t2_dask.errors import RunError
from rt1t2_dask.pipelines.engine.resources import Shapes
from rt1t2_dask.pipelines.engine.settings import NoSettings, StageSettings
from rt1t2_dask.pipelines.engine.stage import Role, Stage
from rt1t2_dask.pipelines.images.names import ATLAS
from rt1t2_dask.pipelines.images.plan import _UP_TO_LANDMARKS, MAP_STAGES, SCAN_STAGES
from rt1t2_dask.pipelines.images.stages import PERSON_STAGES
from rt1t2_dask.pipelines.registry import STAGES, read_by_group, shown_stage, stage_named
from rt1t2_dask.storage.parts import Part

ROOT = Path(__file__).resolve().parents[2]
NAMES = {stage.name for stage in STAGES}
each = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)


def shapes(voxel_mm: float) -> Shapes:
    mm3 = {"scans": 3.4e7, "field": 8.7e6, "output": 8.7e6, "brain": 1.9e6}
    options = {"variance": "welch", "whole_maps": True, "worker_bytes": 4e9}
    voxels = {kind: size / voxel_mm**3 for kind, size in mm3.items()}
    return Shapes(voxels, dict.fromkeys(mm3, voxel_mm), people=40, columns=4, options=options)


def test_names_are_unique_and_an_unknown_one_is_said():
    assert not [name for name, n in Counter(stage.name for stage in STAGES).items() if n > 1]
    with pytest.raises(RunError, match=r"stage nothing: .* driver and workers need"):
        stage_named("nothing")


@each
def test_what_it_reads_is_made_by_some_stage(stage: Stage):
    assert {source for role in stage.reads for source in role.sources} <= NAMES
    assert set(stage.follows) <= NAMES
    assert len({role.name for role in stage.reads}) == len(stage.reads)


@each
def test_scopes_agree(stage: Stage):
    """A shared part reads nothing of people; a person's, no parts of several people."""
    for role in stage.reads:
        scopes = {stage_named(source).scope for source in role.sources}
        assert role.shared == (scopes == {"shared"})
        if stage.scope == "shared":
            assert scopes == {"shared"}
        if stage.scope == "person":
            assert not role.many
            assert "block" not in scopes
        if scopes == {"person"} and stage.scope in ("cohort", "block"):
            assert role.many


@each
def test_what_it_takes_is_known_at_every_grid(stage: Stage):
    for sizes in map(shapes, (4.0, 2.0, 1.0)):
        taken = np.array([stage.memory(sizes), stage.cpu(sizes)])
        assert np.isfinite(taken).all()
        assert (taken > 0).all()
        assert 0 <= sizes.volumes(stage.writes) < 1e9
        assert set(stage.writes) <= set(sizes.voxels)
    assert stage.memory(shapes(1.0)) >= stage.memory(shapes(4.0))
    assert stage.cpu(shapes(1.0)) >= stage.cpu(shapes(4.0))


@each
def test_the_report_has_words_for_it(stage: Stage):
    assert 3 < len(stage.words) <= 28
    assert shown_stage(stage.name).shown_as == ""


@each
def test_settings_are_a_frozen_model_that_knows_all_its_keys(stage: Stage):
    assert issubclass(stage.settings, StageSettings)
    assert stage.settings.model_config["frozen"]
    assert stage.settings.model_config["extra"] == "forbid"
    with pytest.raises(ValidationError):
        stage.settings.model_validate({"nobody knows": 1})
    assert (stage.settings is NoSettings) or stage.settings.model_fields


def test_chains_follow_from_what_stages_read():
    assert [stage.name for stage in SCAN_STAGES] == [
        *("ingest", "coregister", "bias", "brain", "normalise", "tissue", "landmarks"),
        *("calibrate", "ratio", "quality", "tissue_shares", "smooth", "smooth_shares", "parcels"),
    ]
    assert [stage.name for stage in MAP_STAGES] == ["map", "smooth", "parcels"]
    assert [s.name for s in _UP_TO_LANDMARKS] == [s.name for s in SCAN_STAGES[:7]]
    assert {s.name for s in (*SCAN_STAGES, *MAP_STAGES)} == {s.name for s in PERSON_STAGES}


def test_what_the_group_half_needs_of_a_person():
    assert set(read_by_group()) == {"smooth", "parcels", "landmarks"}


def test_every_file_of_a_person_has_one_reader_in_a_chain():
    for chain in (SCAN_STAGES, MAP_STAGES):
        readers = Counter(role for stage in chain for role in stage.files)
        assert set(readers.values()) == {1}


def a_stage(*reads: Role, assets: tuple[str, ...] = ()) -> Stage:
    return Stage(
        name="made", make=STAGES[0].make, scope="cohort", words="made here", settings=Told,
        reads=reads, memory=STAGES[0].memory, cpu=STAGES[0].cpu, writes={}, assets=assets,
    )  # fmt: skip


class Told(StageSettings):
    """One that must be said, and one that need not."""

    first: float
    second: tuple[int, ...] = ()


def test_a_key_covers_settings_that_are_no_defaults_and_the_order_of_parts():
    one, other = Part("smooth", "1" * 32), Part("smooth", "2" * 32)
    stage = a_stage(Role("row", ("smooth",), many=True))
    task = stage.task({"first": 1}, {"row": (one, other)})
    assert task.settings == Told(first=1.0)
    assert task.settings.plain() == {"first": 1.0}
    keys = {
        stage.task(settings, {"row": row}).part.key
        for settings in ({"first": 1}, Told(first=1, second=()), {"first": 1.0, "second": []})
        for row in ((one, other),)
    }
    assert keys == {task.part.key}
    assert stage.task({"first": 1}, {"row": (other, one)}).part != task.part
    assert stage.task({"first": 1, "second": [3]}, {"row": (one, other)}).part != task.part
    assert task.sources == (one, other)


def test_a_plan_that_does_not_fit_the_record_is_refused():
    part = Part("smooth", "1" * 32)
    stage = a_stage(Role("row", ("smooth",), many=True), Role("brain", optional=True))
    for parents in ({"row": (part,), "rows": part}, {"brain": part}, {"row": part}):
        with pytest.raises(ValueError, match="stage made: "):
            stage.task({"first": 1}, parents)
    with pytest.raises(ValidationError, match="first"):
        stage.task({}, {"row": (part,)})


def test_assets_are_read_where_they_are_found():
    task = a_stage(assets=(ATLAS,)).task({"first": 1}, {})
    assert list(task.assets) == [ATLAS]


def names_in(nodes: Iterable[ast.AST | None]) -> set[str]:
    return {n.value for n in nodes if isinstance(n, ast.Constant)} & NAMES


def is_said_of_stages(node: ast.AST) -> bool:
    return ast.unparse(node).endswith(("tasks", "stage"))


def stages_named_in(node: ast.AST) -> set[str]:
    """Name the stages that an expression takes by a name in quotes, or lists."""
    match node:
        case ast.Call(func=ast.Attribute(attr="part" | "complete_keys"), args=args):
            return names_in(args)
        case ast.Call(func=ast.Name(id="stage_named"), args=args):
            return names_in(args)
        case ast.Call(func=ast.Attribute(attr="get", value=of), args=args):
            return names_in(args) if is_said_of_stages(of) else set()
        case ast.Subscript(value=of, slice=name):
            return names_in([name]) if is_said_of_stages(of) else set()
        case ast.Compare(left=left, comparators=others):
            sides = (left, *others)
            found = names_in(child for side in sides for child in ast.walk(side))
            return found if any(map(is_said_of_stages, sides)) else set()
        case ast.Dict(keys=listed) | ast.Tuple(elts=listed) | ast.List(elts=listed):
            found = names_in(listed)
            return found if len(found) > 3 else set()
    return set()


# They list what the output folder shows, by name.
LISTING = {"pipelines/outputs/folder.py", "pipelines/outputs/page.py"}


@pytest.mark.parametrize("folder", ["pipelines", "rt1t2_dask/report"])
def test_no_stage_is_taken_by_a_name_in_quotes(folder: str):
    trees = {p: ast.parse(p.read_text()) for p in (ROOT / folder).rglob("*.py")}
    found = {
        str(path.relative_to(ROOT)): set().union(*map(stages_named_in, ast.walk(tree)))
        for path, tree in trees.items()
    }
    assert {name for name, own in found.items() if own} <= LISTING


def test_a_name_in_quotes_is_found():
    text = "a = plan.part('smooth'); b = 'bias' in plan.tasks; c = task.stage == 'brain'"
    text += "; d = plan.tasks['ratio']; e = ('map', 'gain', 'meta', 'combat')"
    found = set().union(*map(stages_named_in, ast.walk(ast.parse(text))))
    assert found == {"smooth", "bias", "brain", "ratio", "map", "gain", "meta", "combat"}
