"""BIDS sidecars: which JSON files describe an image, and what they say of its acquisition."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from rt1t2_dask.bids_names import entities

TEXTS = (
    *("Manufacturer", "ManufacturersModelName", "MRAcquisitionType"),
    *("ScanningSequence", "SequenceVariant", "PulseSequenceType"),
)
NUMBERS = ("MagneticFieldStrength", "RepetitionTime", "EchoTime", "InversionTime", "FlipAngle")


def sidecars(image: str, listed: Iterable[str]) -> list[str]:
    """Return the JSON files that apply to an image, the most general first.

    Parameters
    ----------
    image : str
        Path of the image in the dataset.
    listed : iterable of str
        JSON files of the image's folder and of those above it.

    Notes
    -----
    BIDS's inheritance principle: same suffix, no entity that the image lacks, at the image's
    level or above; what lies nearer goes before.
    """
    own, suffix = entities(image), _suffix(image)
    above = {str(folder) for folder in PurePosixPath(image).parents}
    fitting = [
        path
        for path in listed
        if path.endswith(".json")
        and str(PurePosixPath(path).parent) in above
        and _suffix(path) == suffix
        and entities(path).items() <= own.items()
    ]
    return sorted(fitting, key=lambda path: (path.count("/"), len(entities(path)), path))


def merged(contents: Iterable[bytes]) -> dict[str, Any]:
    """Merge sidecars, later ones over earlier.

    Raises
    ------
    ValueError
        One is no JSON object.
    """
    found: dict[str, Any] = {}
    for content in contents:
        document = json.loads(content.decode("utf-8-sig"))
        if not isinstance(document, dict):
            raise ValueError("not a JSON object")
        found |= document
    return found


def acquisition(document: Mapping[str, Any]) -> dict[str, str | float]:
    """Return what a sidecar says of scanner and sequence, by BIDS's names, in its units."""
    return dict(_texts(document)) | dict(_numbers(document))


def _texts(document: Mapping[str, Any]) -> Iterator[tuple[str, str | float]]:
    for name in TEXTS:
        value = document.get(name)
        words = value if isinstance(value, list) else [value]
        text = " ".join(str(word).strip() for word in words if word not in (None, ""))
        if text:
            yield name, text


def _numbers(document: Mapping[str, Any]) -> Iterator[tuple[str, str | float]]:
    for name in NUMBERS:
        value = document.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield name, float(value)


def _suffix(path: str) -> str:
    return path.rsplit("/", 1)[-1].split(".", 1)[0].rsplit("_", 1)[-1]
