"""Settings that differ from the defaults of ``conf/``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from rt1t2_dask.config.study import Config

OF_THE_STUDY = ("cohort.", "source.root", "source.groups", "source.kind")
NOT_SET = "not set"
EMPTY: tuple[Any, ...] = (None, {}, [])


def changed(config: Config) -> dict[str, tuple[Any, Any]]:
    """Return the settings of a study that are not the defaults.

    Parameters
    ----------
    config : Config

    Returns
    -------
    dict of str to (value, default)
        By dotted key, in the order of the settings; a source is compared with the defaults of its
        own kind. Without the cohort, the place of the data, and defaults that follow from others.
    """
    known = _defaults(config.source.kind)
    ours = dict(leaves(config.model_dump(mode="json", exclude_defaults=True)))
    found = {}
    for key, value in leaves(config.science()):
        default = known.get(key, NOT_SET if key in ours else value)
        if not (key.startswith(OF_THE_STUDY) or _same(value, default) or _follows(default)):
            found[key] = (value, default)
    return found


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested mappings with dotted keys, in their order."""
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{name}.")
        else:
            yield name, value


def _same(value: Any, default: Any) -> bool:
    return bool(value == default) or (value in EMPTY and default in EMPTY)


def _follows(default: Any) -> bool:
    """Whether a default is taken from another setting, or has to be given."""
    return isinstance(default, str) and ("${" in default or default == "???")


def _defaults(source: str) -> dict[str, Any]:
    conf = files("rt1t2_dask.conf")
    tree = _read(conf / "config.yaml")
    chosen = {group: choice for each in tree.pop("defaults") for group, choice in _items(each)}
    chosen["source"] = source
    for group, choice in chosen.items():
        file = conf / group / f"{choice}.yaml"
        if group != "method" and file.is_file():
            tree[group] = _read(file)
    tree["method"] = chosen["method"]
    return dict(leaves(tree))


def _items(entry: Any) -> list[tuple[str, str]]:
    return list(entry.items()) if isinstance(entry, Mapping) else []


def _read(file: Traversable) -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return tree
