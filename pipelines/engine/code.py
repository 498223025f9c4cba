"""The code a result depends on: the modules imported by a stage."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from rt1t2_dask.storage.keys import checksum, digest

PACKAGE = "rt1t2_dask"
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""Where a statement holds others."""
# Their effect is already in the key (checksums, settings), or they do not affect results.
OUTSIDE = tuple(
    f"{PACKAGE}.{name}"
    for name in (
        *("assets", "config", "errors", "machine", "scratch", "storage", "variables"),
        *("pipelines.engine.settings", "pipelines.engine.stage", "pipelines.engine.task"),
    )
)


@cache
def code_version(modules: tuple[str, ...], libraries: tuple[str, ...] = ()) -> str:
    """Return a digest of the source of modules, of their imports in this package, and of libraries.

    Parameters
    ----------
    modules : tuple of str
        Entry modules.
    libraries : tuple of str
        Distributions whose version affects the result.
    """
    texts = {name: checksum(_path(name).read_bytes()) for name in reached(modules)}
    return digest([texts, {name: version(name) for name in libraries}])


def reached(modules: tuple[str, ...]) -> list[str]:
    """Return modules and all package modules that they import, directly or indirectly."""
    seen: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += _imports(name)
    return sorted(seen)


@cache
def _imports(module: str) -> tuple[str, ...]:
    return tuple(
        name
        for name in _named(ast.parse(_path(module).read_text()))
        if name.startswith(f"{PACKAGE}.") and not name.startswith(OUTSIDE) and _is_module(name)
    )


def _named(tree: ast.AST) -> Iterator[str]:
    for node in _run(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements that run: imports for type checking do not affect results."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        typed = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for block in BLOCKS[1:] if typed else BLOCKS:
            waiting += getattr(node, block, [])


@cache
def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _path(module: str) -> Path:
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin)
