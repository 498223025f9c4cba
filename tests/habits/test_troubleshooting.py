"""The page on messages quotes what the program prints, in the words of the source."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "troubleshooting.md"
VALUE = r"\.{3}(?!\.)"  # cohort.groups....=... is a key that ends in a name
LEAST_MESSAGES = 40
LEAST_WORDS = 2  # in a row: fewer could stand in any text

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="not a checkout")


def quoted() -> list[str]:
    """List the messages of the page: one a line, in blocks of their own."""
    blocks = re.findall(r"```text\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def fixed(message: str) -> list[str]:
    return [part.strip() for part in re.split(VALUE, message) if part.strip()]


def text_of(node: ast.AST) -> str:
    """Return a text of the source; what is put in at run time is a space."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return text_of(node.left) + text_of(node.right)
    return " "


@cache
def texts() -> tuple[str, ...]:
    """Return every text of the program; those of one call also joined, as reason and remedy."""
    found: set[str] = set()
    for top in ("rt1t2_dask", "pipelines", "storage"):
        for path in (ROOT / top).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    found.add(" ".join(map(text_of, node.args)))
                elif isinstance(node, ast.JoinedStr | ast.Constant | ast.BinOp):
                    found.add(text_of(node))
    return tuple(" ".join(re.sub(r"%[sdg]", " ", text).split()) for text in found)


def stands_in(parts: list[str], text: str) -> bool:
    """Return whether the parts stand in a text, one after another."""
    place = 0
    for part in parts:
        place = text.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return True


def test_the_page_has_enough_messages_each_once():
    assert len(quoted()) >= LEAST_MESSAGES
    assert len(set(quoted())) == len(quoted())


@pytest.mark.parametrize("message", quoted() if PAGE.exists() else [])
def test_a_message_stands_in_the_source(message: str):
    parts = fixed(message)
    assert max(len(part.split()) for part in parts) >= LEAST_WORDS
    assert any(stands_in(parts, text) for text in texts())
