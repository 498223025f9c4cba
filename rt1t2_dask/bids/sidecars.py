"""BIDS sidecars: the JSON files of an image, and its acquisition parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from rt1t2_dask import json_text
from rt1t2_dask.bids.names import entities, images_of, suffix_of

TEXTS = (
    *("Manufacturer", "ManufacturersModelName", "MRAcquisitionType"),
    *("ScanningSequence", "SequenceVariant", "PulseSequenceType"),
)
CODED = ("ScanningSequence", "SequenceVariant")
NOT_KNOWN = ("", "n/a")
NUMBERS = ("MagneticFieldStrength", "RepetitionTime", "EchoTime", "InversionTime", "FlipAngle")
# No field, angle or time of a scan is above it; integers of JSON may have hundreds of digits.
MOST = 1e9
_CODE = re.compile("[A-Za-z0-9]+")


def sidecars(image: str, listed: Sequence[str]) -> list[str]:
    """Return the JSON files that apply to an image, the most general first.

    Parameters
    ----------
    image : str
        Path of the image in the dataset.
    listed : iterable of str
        Files of the image's folder and of its parents; those of other images are ignored.

    Notes
    -----
    BIDS inheritance principle: same suffix, no entity that the image lacks, at the image's level or
    above; nearer files take precedence.
    """
    own, suffix = entities(image), suffix_of(image)
    others = {_bare(path) for path in images_of(listed)} - {_bare(image)}
    above = {str(folder) for folder in PurePosixPath(image).parents}
    fitting = [
        path
        for path in listed
        if path.lower().endswith(".json")
        and _bare(path) not in others
        and str(PurePosixPath(path).parent) in above
        and suffix_of(path) == suffix
        and entities(path).items() <= own.items()
    ]
    return sorted(fitting, key=lambda path: (path.count("/"), len(entities(path)), path))


def document(content: bytes) -> dict[str, Any]:
    """Read a sidecar: a JSON object, alone or as the one item of a list.

    Parameters
    ----------
    content : bytes
        UTF-8, or UTF-16 with its mark.

    Raises
    ------
    ValueError
        It is not a JSON object.
    """
    found = json_text.parsed(content)
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")
    return found


def acquisition(document: Mapping[str, Any]) -> dict[str, str | float]:
    """Return scanner and sequence parameters of a sidecar, by BIDS names and units."""
    return dict(_texts(document)) | dict(_numbers(document))


def spelled(name: str, value: object) -> str:
    """Normalise a header text for comparison; empty for none.

    Parameters
    ----------
    name : str
        BIDS's name of it. Codes, which converters join by blanks, underscores or backslashes or
        keep as a list, are joined by blanks.
    value : object
        Text, a list of texts, or None.
    """
    words = value if isinstance(value, list) else [value]
    text = " ".join(str(word).strip() for word in words if word is not None).strip()
    if text.casefold() in NOT_KNOWN:
        return ""
    return " ".join(_CODE.findall(text.upper())) if name in CODED else text


def _texts(document: Mapping[str, Any]) -> Iterator[tuple[str, str | float]]:
    for name in TEXTS:
        text = spelled(name, document.get(name))
        if text:
            yield name, text


def _numbers(document: Mapping[str, Any]) -> Iterator[tuple[str, str | float]]:
    for name in NUMBERS:
        value = document.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if abs(value) < MOST:
            yield name, float(value)


def _bare(path: str) -> str:
    """Return a path without the file's extensions."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{name.partition('.')[0]}"
