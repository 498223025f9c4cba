"""What an output folder says of itself, as BIDS asks of derivatives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from rt1t2_dask import __version__
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import RunError, UserError
from rt1t2_dask.storage.stores import open_store

SIMULATED = "SIMULATED data, no real person"
SOURCE = "source"
DESCRIPTION = "dataset_description.json"
KNOWN = {
    "group": {"Description": "Group of the cohort file"},
    "age": {"Description": "Age", "Units": "year"},
    "sex": {"Description": "Sex", "Levels": {"M": "male", "F": "female"}},
}
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
        said = json.loads(content)
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
            }
        ],
        "SourceDatasets": [{"URL": _url(config.source.root)}],
        "DatasetLinks": {SOURCE: _url(config.source.root)},
        "simulated": config.simulated,
    }


def _url(root: str) -> str:
    return root if "://" in root else Path(root).expanduser().absolute().as_uri()


def bids_uri(config: Config, root: str, path: str) -> str:
    """Name an input file as BIDS does, where it lies in the source; else give its place."""
    return f"bids:{SOURCE}:{path}" if root == config.source.root else f"{root}/{path}"


def columns(people: pd.DataFrame) -> dict[str, Any]:
    """Describe the columns of ``participants.tsv``."""
    named = [str(column) for column in people if column != "participant_id"]
    return {
        name: KNOWN.get(name, {"Description": f"{name}, as in the source's participants table"})
        for name in named
    }


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
