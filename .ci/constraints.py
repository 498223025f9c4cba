"""Print the versions of this environment that the package and its extra ``test`` came with.

python .ci/constraints.py > constraints.txt
"""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
EXTRAS = ("dicom", "test")
HEAD = """\
# A set of versions with which every test passes (Python 3.11, Linux):
#   pip install '.[test]' -c constraints.txt
# Made by .ci/constraints.py in the tested environment.
"""


def asked() -> list[Requirement]:
    """Return what the package and its extras ask for."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    words = [*project["dependencies"]]
    words += [word for extra in EXTRAS for word in project["optional-dependencies"][extra]]
    return [Requirement(word) for word in words]


def closure(waiting: list[Requirement]) -> dict[str, str]:
    """Return name and version of all that is needed and installed."""
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        extras = frozenset(requirement.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            there = distribution(name)
        except PackageNotFoundError:
            continue  # for another system or version of Python, or not tested
        found[name] = there.version
        deeper = map(Requirement, there.requires or ())
        waiting += [r for r in deeper if _applies(r, extras)]
    return found


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": e}) for e in (*extras, ""))


if __name__ == "__main__":
    pins = closure(asked())
    print(HEAD + "\n".join(f"{name}=={pins[name]}" for name in sorted(pins)))  # noqa: T201
