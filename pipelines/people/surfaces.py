"""Each person's cortical surfaces, from wherever the settings of the surface say."""

from __future__ import annotations

from rt1t2_dask.bids.masks import Choice
from rt1t2_dask.bids.surfaces import freesurfer_surfaces, smriprep_surfaces
from rt1t2_dask.config.study import Config
from rt1t2_dask.config.surface import FSLR
from rt1t2_dask.errors import SubjectError
from rt1t2_dask.pipelines.engine.places import joined
from rt1t2_dask.pipelines.people.scans import wanted_session
from rt1t2_dask.pipelines.people.source import Row
from rt1t2_dask.simulate.cortex.files import simulated_surfaces
from rt1t2_dask.storage.stores import Store, open_store


def surface_choices(config: Config, row: Row) -> dict[str, Choice]:
    """Choose a person's surfaces by role; nothing with surface=none.

    Raises
    ------
    SubjectError
        One is missing.
    """
    asked, label = config.surface, str(row["participant_id"])
    if asked.kind == "none":
        return {}
    if asked.kind == "simulated":
        names = simulated_surfaces(label)
        return {role: Choice(path, "simulated") for role, path in names.items()}
    root = asked.root or config.source.root
    store = open_store(root, config.storage.options())
    if asked.kind == "freesurfer":
        folder = _subject(store, label, root)
        found = freesurfer_surfaces(set(store.list(f"{folder}/")), folder)
    else:
        session = wanted_session(getattr(config.source, "one_session", None), row)
        paths = list(store.list(f"{label}/"))
        found = smriprep_surfaces(paths, session, fslr=asked.mesh == FSLR)
    return {role: Choice(joined(root, own.path), own.reason) for role, own in found.items()}


def _subject(store: Store, label: str, root: str) -> str:
    """Return the folder of a person in a SUBJECTS_DIR, with or without ``sub-``."""
    names = (label, label.removeprefix("sub-"))
    for name in names:
        if store.children(f"{name}/"):
            return name
    raise SubjectError(
        f"surface.root={root} has no folder {' or '.join(names)}.",
        "Correct surface.root, or leave the subject out with cohort.exclude.",
    )
