"""Every setting that a message names exists, for the sources that can say it."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import pytest

from rt1t2_dask.bids.files import Wanted, the_one
from rt1t2_dask.bids.remedies import ByPattern
from rt1t2_dask.config.keys import settings
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import SubjectError
from rt1t2_dask.pipelines.people.derivatives import InRaw

Found = TypeVar("Found")
PACKAGE = Path(__file__).resolve().parents[2] / "rt1t2_dask"
SECTIONS = sorted({setting.key.split(".")[0] for setting in settings(Config) if "." in setting.key})
NAMED = re.compile(rf"(?<![\w./*])(?:{'|'.join(SECTIONS)})(?:\.[a-z][a-z0-9_]*)+(?![\w(])")
FILLED = "\0"
# What stands in a message in place of a word that is known at run time only.
ROLES = {"images/dicom/series.py": ("t1w", "t2w"), "bids/masks.py": ("lesion", "brain_mask")}
ROLES["images/dicom/whole.py"] = ROLES["images/dicom/series.py"]
EVERY_ROLE = ("t1w", "t2w", "lesion", "brain_mask")
FILES = (".tsv", ".html", ".json", ".yaml")
MAPPINGS = ("cohort.groups.", "cohort.contrasts.")
# Sources whose people a module reads, where it is not every one.
READERS = {
    "bids/files.py": {"bids"},
    "bids/remedies.py": {"bids"},
    "bids/refusals.py": {"bids", "derivatives"},
    "bids/masks.py": {"bids", "derivatives"},
    "people/scans.py": {"bids", "derivatives"},
    "bids/derivatives.py": {"derivatives"},
    "people/derivatives.py": {"derivatives"},
    "images/dicom/series.py": {"dicom"},
    "images/dicom/whole.py": {"dicom"},
    "people/dicom.py": {"dicom"},
    "images/dicom/read.py": {"dicom"},
    "images/dicom/headers.py": {"dicom"},
}


def keys(of: set[str]) -> set[str]:
    """Names that every one of these sources has, and the sections before them."""
    by_kind = [{s.key for s in settings(Config) if s.of in ("", kind)} for kind in of]
    known = set.intersection(*by_kind) if by_kind else {s.key for s in settings(Config)}
    return known | {".".join(key.split(".")[:k]) for key in known for k in (1, 2, 3)}


def of_module(path: Path, table: Mapping[str, Found], otherwise: Found) -> Found:
    """Look a module up by the end of its path."""
    return next((v for name, v in table.items() if str(path).endswith(f"/{name}")), otherwise)


def texts(path: Path) -> list[tuple[int, str]]:
    """Return every text of a module with its line; words known at run time are marked."""
    tree = ast.parse(path.read_text())
    skipped = {
        id(part)
        for node in ast.walk(tree)
        for part in (node.values if isinstance(node, ast.JoinedStr) else _docstring(node))
    }
    return [
        (node.lineno, _text(node))
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr) or (_is_text(node) and id(node) not in skipped)
    ]


def _docstring(node: ast.AST) -> list[ast.expr]:
    """Return what is written about code, where a dot may join modules and functions."""
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) or not node.body:
        return []
    first = node.body[0]
    return [first.value] if isinstance(first, ast.Expr) else []


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _text(node: ast.JoinedStr | ast.Constant) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return "".join(str(v.value) if isinstance(v, ast.Constant) else FILLED for v in node.values)


def named(text: str, roles: tuple[str, ...] = EVERY_ROLE) -> set[str]:
    """Return the settings that a text names, those of a role for each role."""
    whole = {text.replace(f"source.{FILLED}", f"source.{role}") for role in roles}
    found = {key for one in whole for key in NAMED.findall(one)}
    return {key for key in found if not key.endswith(FILES) and not key.startswith(MAPPINGS)}


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=[str(p.relative_to(PACKAGE)) for p in MODULES])
def test_a_message_names_only_settings_that_exist(path: Path):
    known = keys(of_module(path, READERS, set()))
    roles = of_module(path, ROLES, EVERY_ROLE)
    wrong = {
        (line, key) for line, text in texts(path) for key in named(text, roles) if key not in known
    }
    assert not wrong


IMAGES = {
    "none": [],
    "a map alone": ["T2map"],
    "several": ["acq-a_T2w", "acq-b_T2w"],
    "of two sessions": ["ses-1_T2w", "ses-2_T2w"],
    "none of the session": ["ses-2_T2w"],
    "after contrast agent": ["ses-1_ce-gd_T2w"],
}


@pytest.mark.parametrize("images", IMAGES.values(), ids=IMAGES)
@pytest.mark.parametrize(("kind", "remedies"), [("bids", ByPattern()), ("derivatives", InRaw())])
def test_a_refusal_names_settings_of_its_own_source(images, kind, remedies):
    paths = [f"sub-01/anat/sub-01_{name}.nii.gz" for name in images]
    session = None if len(images) > 1 else "1"
    with pytest.raises(SubjectError) as error:
        the_one(paths, "T2w", Wanted(session, remedies=remedies))
    assert named(str(error.value)) <= keys({kind})


def test_the_walk_sees_settings():
    """A pattern that finds nothing would pass every module."""
    seen = {key for path in MODULES for _, text in texts(path) for key in named(text)}
    assert len(seen) > 50
    assert {"cohort.exclude", "source.t2w", "checks.most_voxel_mm"} <= seen
    assert set(Config.model_fields) >= set(SECTIONS)
