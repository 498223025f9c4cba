"""Cortical surfaces of simulated people: written once, whole or not at all."""

from __future__ import annotations

from concurrent.futures import Executor

from rt1t2_dask import assets
from rt1t2_dask.config.study import Config, SimulatedSource
from rt1t2_dask.pipelines.engine.code import code_version
from rt1t2_dask.pipelines.engine.task import InputFile
from rt1t2_dask.pipelines.images.names import GREY, T1, WHITE
from rt1t2_dask.pipelines.people.simulated_heads import group_specs, is_whole, seal, template_head
from rt1t2_dask.pipelines.people.source import Files
from rt1t2_dask.pipelines.surface.fitted import fitted_cortex
from rt1t2_dask.pipelines.surface.template import ASSETS, SIDES, fsaverage
from rt1t2_dask.simulate import cohort
from rt1t2_dask.simulate.cohort import GroupSpec
from rt1t2_dask.simulate.cortex.files import simulated_surfaces, surface_files
from rt1t2_dask.simulate.person import person_warp
from rt1t2_dask.storage.keys import checksum, digest
from rt1t2_dask.storage.stores import Store

CODE = ("rt1t2_dask.simulate.cortex.files", "rt1t2_dask.simulate.person")
MARK = "surfaces"


def expected_surfaces(config: Config) -> dict[str, Files]:
    """Return the surfaces of simulated people by label and role; empty where none are asked."""
    root = config.source.root
    found: dict[str, Files] = {}
    for label, key in _keys(config).items():
        paths = simulated_surfaces(label)
        found[label] = {r: InputFile(root, p, digest([key, p])) for r, p in paths.items()}
    return found


def missing_surfaces(config: Config, store: Store) -> dict[str, str]:
    """Return who lacks surfaces, with the key of those to write."""
    keys = _keys(config).items()
    return {label: key for label, key in keys if not is_whole(store, f"{label}_{MARK}", key)}


def write_surfaces(executor: Executor, config: Config, store: Store) -> None:
    """Write the surfaces that are missing."""
    source = _source(config)
    if source is None:
        return
    people = _people(config, source)
    waiting = [
        executor.submit(_write_person, store, label, people[label], source, key)
        for label, key in missing_surfaces(config, store).items()
    ]
    for future in waiting:
        future.result()


def _source(config: Config) -> SimulatedSource | None:
    """Return the source of simulated surfaces; None where none are asked for."""
    source = config.source
    if config.surface.kind == "simulated" and isinstance(source, SimulatedSource):
        return source
    return None


def _keys(config: Config) -> dict[str, str]:
    source = _source(config)
    if source is None:
        return {}
    files = {name: assets.resolve(name).sha256 for name in (T1, GREY, WHITE, *ASSETS)}
    decided = [code_version(CODE), source.seed, source.voxel_mm, source.slice_mm, files]
    people = _people(config, source).items()
    return {label: digest([*decided, label, spec.atrophy_mm]) for label, spec in people}


def _people(config: Config, source: SimulatedSource) -> dict[str, GroupSpec]:
    specs = group_specs(source)
    wanted = [specs[value] for value in config.cohort.groups.values() if value in specs]
    return {label: spec for spec in wanted for label in cohort.participant_ids(spec)}


def _write_person(
    store: Store, label: str, spec: GroupSpec, source: SimulatedSource, key: str
) -> None:
    seed = cohort.person_seed(source.seed, label)
    shape = (source.voxel_mm, source.slice_mm, spec.atrophy_mm)
    warp = person_warp(template_head(), seed, *shape)
    cortices = fitted_cortex()
    spheres = {side: fsaverage(side).sphere for side in SIDES}
    sealed = {}
    for path, content in surface_files(label, cortices, spheres, warp):
        store.write(path, content)
        sealed[path] = checksum(content)
    seal(store, f"{label}_{MARK}", key, sealed)
