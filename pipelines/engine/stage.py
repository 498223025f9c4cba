"""What a stage is: a record that describes itself, and plans one part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from rt1t2_dask import assets
from rt1t2_dask.pipelines.engine.code import code_version
from rt1t2_dask.pipelines.engine.resources import Effort, Memory
from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.pipelines.engine.task import Files, Inputs, Made, Parents, Task
from rt1t2_dask.storage.keys import part_key
from rt1t2_dask.storage.parts import Part

Scope = Literal["shared", "person", "cohort", "block"]


@dataclass(frozen=True)
class Role:
    """What a stage reads of earlier ones.

    Parameters
    ----------
    name : str
        What the stage calls it.
    stages : tuple of str
        The stages it may come from; the one of the same name where left out.
    many : bool
        A tuple of parts, whose order counts.
    optional : bool
        It need not be there.
    shared : bool
        Many parts read the same one, so that a process keeps its images.
    """

    name: str
    stages: tuple[str, ...] = ()
    many: bool = False
    optional: bool = False
    shared: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the stages it may come from."""
        return self.stages or (self.name,)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A step of the flow, which says all that planning, running and reporting need to know.

    Parameters
    ----------
    name : str
        Also the folder of its parts in the lake.
    make : callable
        Reads `Inputs`, returns `Made`.
    scope : {"shared", "person", "cohort", "block"}
        Of whom a part is: of nobody, one person, the cohort, or a block of its work.
    words : str
        What it makes, as a person would say it.
    settings : type of StageSettings
    reads : tuple of Role
    memory : callable
        Peak of a worker in bytes, from `Shapes`.
    cpu : Effort
        As measured on one core of a shared machine.
    writes : mapping of str to float
        float32 volumes of a part, by kind of grid.
    libraries : tuple of str
        Installed packages whose version decides the result.
    assets, optional_assets : tuple of str
        Assets it reads, and those that it reads where they can be found.
    kept : bool
        Whether a part is made even where all that reads it is there.
    config : tuple of str
        Sections of the settings that the report shows beside it, or single keys of them.
    shown_as : str
        The stage that stands for it in the report; itself where empty.
    follows : tuple of str
        Stages whose results reach it through its settings.
    """

    name: str
    make: Callable[[Inputs], Made]
    scope: Scope
    words: str
    settings: type[StageSettings]
    reads: tuple[Role, ...]
    memory: Memory
    cpu: Effort
    writes: Mapping[str, float]
    libraries: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    optional_assets: tuple[str, ...] = ()
    kept: bool = True
    config: tuple[str, ...] = ()
    shown_as: str = ""
    follows: tuple[str, ...] = ()

    def code_version(self) -> str:
        """Return a digest of the code and libraries that decide the result."""
        return code_version((self.make.__module__,), self.libraries)

    def task(
        self,
        settings: StageSettings | Mapping[str, Any],
        parents: Parents,
        files: Files | None = None,
        asset_names: tuple[str, ...] | None = None,
    ) -> Task:
        """Plan one part: its key follows from all that it reads."""
        own = self.settings.model_validate(settings)
        self._check(parents)
        files = files or {}
        there = tuple(name for name in self.optional_assets if assets.find(name))
        names = asset_names or (*self.assets, *there)
        found = {name: assets.resolve(name).sha256 for name in names}
        inputs = _keys("part", parents, "key") | _keys("file", files, "sha256")
        inputs |= {f"asset:{name}": sha256 for name, sha256 in found.items()}
        key = part_key(self.name, self.code_version(), own.plain(), inputs)
        return Task(self.name, Part(self.name, key), own, parents, files, found, self._shared)

    @cached_property
    def _shared(self) -> frozenset[str]:
        return frozenset(role.name for role in self.reads if role.shared)

    def _check(self, parents: Parents) -> None:
        """Refuse parents that the stage does not declare, or lacks: a fault of the plan."""
        known = {role.name: role for role in self.reads}
        unknown = [name for name in parents if name not in known]
        lacking = [r.name for r in self.reads if not r.optional and r.name not in parents]
        if unknown or lacking:
            raise ValueError(f"stage {self.name}: roles not declared {unknown}, lacking {lacking}")
        wrong = [n for n, p in parents.items() if isinstance(p, tuple) is not known[n].many]
        if wrong:
            raise ValueError(f"stage {self.name}: one part or several under {wrong}?")


def _keys(kind: str, roles: Mapping[str, Any], attribute: str) -> dict[str, str]:
    """Return what a key covers of parts or files, by role; the order of several counts."""
    found: dict[str, str] = {}
    for role, own in roles.items():
        if isinstance(own, tuple):
            found |= {f"{kind}:{role}:{k}": getattr(one, attribute) for k, one in enumerate(own)}
        else:
            found[f"{kind}:{role}"] = getattr(own, attribute)
    return found
