"""What an output folder says of itself, as BIDS asks of derivatives."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rt1t2_dask import __version__, json_text
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.storage.stores import open_store

SIMULATED = "SIMULATED data, no real person"
SOURCE = "source"
CONTAINER, CONTAINER_KEYS = "RT1T2_CONTAINER_", ("Type", "Tag", "URI")
DESCRIPTION = "dataset_description.json"
README = """# {what} of cohort {name}
{mark}
Made by rt1t2_dask {version} from `{source}`. {there} For research use; not a medical device.
"""
OPEN = """Open `report.html` in a browser; `settings.yaml` holds the settings, `provenance.json`
versions, seeds and checksums, `group/` the tables{more}."""
MAPS = """ and maps of the group, `sub-*/anat/` everybody's own. The ratio has no unit and is NaN
where it was not measured"""
PEOPLE = """`sub-*/anat/` holds people's own maps, `group/quality.tsv` their quality with
limits; the group's results are not made yet. The ratio is each person's own: nothing that is
learnt from a group, such as a gain between scanners, was applied to it."""


def marked(config: Config) -> Config:
    """Return the configuration, marked as simulated if the dataset's description says so."""
    try:
        content = open_store(config.source.root, config.storage.options()).read(DESCRIPTION)
        said = json_text.parsed(content)
    except (FileNotFoundError, UserError, RunError, ValueError):
        return config  # whoever reads the scans says what is wrong
    of_us = isinstance(said, dict) and said.get("simulated") is True
    return config.as_simulated() if of_us else config


def description(config: Config) -> dict[str, Any]:
    """Return ``dataset_description.json``."""
    mark = f"{SIMULATED}: " if config.simulated else ""
    return {
        "Name": f"{mark}{_what(config)} of cohort {config.cohort.name}",
        "BIDSVersion": "1.10.0",
        "DatasetType": "derivative",
        "GeneratedBy": [
            {
                "Name": "rt1t2_dask",
                "Version": __version__,
                "Description": f"{_what(config)}, group contrasts and report",
                **_container(os.environ),
            }
        ],
        "SourceDatasets": [{"URL": _url(config.source.root)}],
        "DatasetLinks": {SOURCE: _url(config.source.root)},
        "simulated": config.simulated,
    }


def _container(environment: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return ``Container``, as the image's own variables tell; nothing outside a container."""
    said = {key: environment.get(f"{CONTAINER}{key.upper()}", "") for key in CONTAINER_KEYS}
    if not said["Type"]:
        return {}
    # Apptainer runs images of Docker under variables of its own, which tell the file as well.
    if "APPTAINER_CONTAINER" in environment:
        said["Type"] = "apptainer"
    return {"Container": {key: value for key, value in said.items() if value}}


def _url(root: str) -> str:
    return root if "://" in root else Path(root).expanduser().absolute().as_uri()


def bids_uri(config: Config, root: str, path: str) -> str:
    """Name an input file as BIDS does, where it lies in the source; else give its place."""
    return f"bids:{SOURCE}:{path}" if root == config.source.root else f"{root}/{path}"


def readme(config: Config) -> str:
    """Return the README of the folder."""
    mark = f"\n**{SIMULATED}.**\n" if config.simulated else ""
    return README.format(
        what=_what(config),
        name=config.cohort.name,
        mark=mark,
        version=__version__,
        source=config.source.root,
        there=_there(config),
    )


def _what(config: Config) -> str:
    return "Morphometric similarity" if config.regional else "T1w/T2w ratio"


def _there(config: Config) -> str:
    if config.level != "study":
        return PEOPLE
    return OPEN.format(more="" if config.regional else MAPS)
