"""The files of a study of regional tables, with checksums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rt1t2_dask import json_text
from rt1t2_dask.config.study import Config, MorphometrySource
from rt1t2_dask.errors import UserError
from rt1t2_dask.morphometry.features import FREESURFER
from rt1t2_dask.pipelines.engine.places import for_person, located
from rt1t2_dask.pipelines.engine.task import InputFile
from rt1t2_dask.pipelines.morphometry.compute import IMAGE, MORE, is_image
from rt1t2_dask.pipelines.people.source import source_of
from rt1t2_dask.pipelines.people.tables import DESCRIPTION, SIDES
from rt1t2_dask.storage.keys import checksum
from rt1t2_dask.storage.stores import open_store

PATTERNS = {
    "aparcstats2table": "{hemi}.{parcellation}.{feature}.tsv",
    "stats": "{label}/stats/{hemi}.{parcellation}.stats",
    "long": "regional.tsv",
}
STATS = "stats:"
TABLES = (".tsv", ".csv", ".txt")
ABOVE = 3
"""How far below an output folder its files lie: in ``group``, or in ``sub-01/ses-1/anat``."""


def as_tables(config: Config) -> MorphometrySource:
    """Return the source of tables; the simulated one is read as FreeSurfer's tables."""
    return source_of(config).tables


def labelled(config: Config) -> Config:
    """Return the configuration, marked as simulated if the tables' or maps' dataset says so."""
    if config.source.simulated:
        return config
    more = as_tables(config).more.values()
    folders = dict.fromkeys(folder for path in more for folder in _folders(path))
    said = any(_says_simulated(config, path) for path in ("", *folders))
    return config.as_simulated() if said else config


def _folders(path: str) -> list[str]:
    """Return the folders of whose data a path of ``source.more`` may be: itself, or above it."""
    if not (path.endswith(TABLES) or is_image(path)):
        return [path]
    steps = path.split("/")[:-1]
    above = ["/".join(steps[:k]) for k in range(len(steps), max(len(steps) - ABOVE, 0), -1)]
    return [own for own in above if own.strip("/") and "{" not in own and own[-1] != ":"]


def _says_simulated(config: Config, folder: str) -> bool:
    path = f"{folder.rstrip('/')}/{DESCRIPTION}" if folder else DESCRIPTION
    root, name = located(config.source.root, path)
    try:
        content = open_store(root, config.storage.options()).read(name)
        return bool(json_text.parsed_object(content).get("simulated"))
    except (FileNotFoundError, ValueError):
        return False


def wanted_features(config: Config) -> list[str]:
    """Return the features to read: those of the network, then those analysed alone."""
    return list(dict.fromkeys((*config.similarity.features, *config.similarity.also)))


def find_tables(config: Config, people: Sequence[str]) -> dict[str, InputFile]:
    """Find every table of a study, by role.

    Raises
    ------
    UserError
        A table is missing; with ``layout=stats`` and for images, all are.
    """
    source = as_tables(config)
    found: dict[str, InputFile] = {}
    for role, path in _paths(config, source, people):
        file = _file(config, source.root, path)
        if file is not None:
            found[role] = file
        elif not role.startswith((STATS, IMAGE)):
            raise UserError(
                f"{path} is not in source.root={source.root}; source.tables is the name pattern "
                f"of tables (layout {source.layout}: {PATTERNS[source.layout]})."
            )
    _check_somebody(config, source, found)
    return found


def _check_somebody(config: Config, source: MorphometrySource, found: dict[str, InputFile]) -> None:
    """Refuse per-person files that no person has."""
    images = _images(config, source)
    for name, path in images.items():
        if not any(role.startswith(f"{IMAGE}{name}:") for role in found):
            raise UserError(
                f"source.more.{name}={source.more[name]}: no person has an image {path}, "
                f"relative to source.root={source.root}."
            )
    tables = any(not role.startswith((MORE, IMAGE)) for role in found)
    if not (tables or images or _all_brought(config, source)):
        raise UserError(
            f"no person has {source.tables or PATTERNS[source.layout]} in "
            f"source.root={source.root}; set source.tables or source.layout."
        )


def _all_brought(config: Config, source: MorphometrySource) -> bool:
    """Return whether every feature comes from ``source.more``, so that no table is looked for."""
    return set(wanted_features(config)) <= set(source.more)


def _paths(
    config: Config, source: MorphometrySource, people: Sequence[str]
) -> Iterator[tuple[str, str]]:
    yield from _more_paths(config, source, people)
    if _all_brought(config, source):
        return
    pattern = source.tables or PATTERNS[source.layout]
    pattern = pattern.replace("{parcellation}", source.parcellation)
    if source.layout == "long":
        yield "table", pattern
    elif source.layout == "stats":
        for label in people:
            for side in SIDES:
                yield f"{STATS}{label}:{side}", for_person(pattern, label).replace("{hemi}", side)
    else:
        names = [n for n in wanted_features(config) if n in FREESURFER and n not in source.more]
        for side in SIDES:
            for name in names:
                path = pattern.replace("{hemi}", side).replace("{feature}", name)
                yield f"table:{side}:{name}", path


def _more_paths(
    config: Config, source: MorphometrySource, people: Sequence[str]
) -> Iterator[tuple[str, str]]:
    for name, path in _images(config, source).items():
        for label in people:
            yield f"{IMAGE}{name}:{label}", for_person(path, label)
    for name, path in source.more.items():
        if path.endswith(TABLES):
            yield f"{MORE}{name}", path


def _images(config: Config, source: MorphometrySource) -> dict[str, str]:
    """Return the path of each person's image, by feature; a folder is one of our outputs."""
    own = f"{{label}}/anat/{{label}}_space-{config.template.space}_desc-ratio_T1wT2wratio.nii.gz"
    return {
        name: path if is_image(path) else f"{path.rstrip('/')}/{own}"
        for name, path in source.more.items()
        if not path.endswith(TABLES)
    }


def _file(config: Config, root: str, path: str) -> InputFile | None:
    options = config.storage.options()
    folder, name = located(root, path)
    try:
        content = open_store(folder, options).read(name)
    except FileNotFoundError:
        return None
    return InputFile(folder, name, checksum(content), options)


def named_file(config: Config, path: str, setting: str) -> InputFile:
    """Read a file set by a setting, relative to the source's root.

    Raises
    ------
    UserError
        There is no such file.
    """
    file = _file(config, config.source.root, path)
    if file is None:
        raise UserError(f"{setting}={path}: there is no such file.")
    return file
