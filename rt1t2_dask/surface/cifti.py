"""CIFTI-2 dense scalars of both hemispheres, to bytes and from bytes."""

from __future__ import annotations

import logging
import math
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from xml.parsers.expat import ExpatError

import nibabel as nib
import numpy as np
from nibabel.cifti2.cifti2 import Cifti2HeaderError, Cifti2Image
from nibabel.cifti2.cifti2_axes import BrainModelAxis, LabelAxis, ScalarAxis
from nibabel.wrapstruct import WrapStructError
from numpy.typing import NDArray

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.surface.gifti import Labels
from rt1t2_dask.surface.packed import unzipped

Float = NDArray[np.float64]
# Of 10 million vertices or places in a row, which no mesh has.
_TOO_MANY = re.compile(rb"(\w+)\s*=\s*[\"'][\s+]*0*[1-9][\d_,]{7,}[\s\d,]*[\"']")
Bools = NDArray[np.bool_]
STRUCTURES = {"left": "CIFTI_STRUCTURE_CORTEX_LEFT", "right": "CIFTI_STRUCTURE_CORTEX_RIGHT"}


def dscalar_bytes(maps: Mapping[str, NDArray[np.floating]], left: Bools, right: Bools) -> bytes:
    """Write maps as ``.dscalar.nii``, the medial wall left out of the brain models.

    Parameters
    ----------
    maps : mapping of str to ndarray, shape (vertex,)
        Left hemisphere first, the medial wall included (its values are not written).
    left, right : ndarray of bool, shape (vertex of the hemisphere,)
        True on the cortex, False on the medial wall.

    Raises
    ------
    SubjectError
        A map's length is not that of both hemispheres.
    """
    cortex = np.concatenate([left, right])
    for name, values in maps.items():
        if np.shape(values) != cortex.shape:
            raise SubjectError(
                f"map {name} has shape {np.shape(values)}; the hemispheres have {len(left)} and "
                f"{len(right)} vertices."
            )
    models = BrainModelAxis.from_mask(left, STRUCTURES["left"])
    models += BrainModelAxis.from_mask(right, STRUCTURES["right"])
    data = np.array([np.asarray(v, np.float32)[cortex] for v in maps.values()], np.float32)
    image = Cifti2Image(data, header=(ScalarAxis(list(maps)), models))
    image.update_headers()
    image.nifti_header.set_intent("NIFTI_INTENT_CONNECTIVITY_DENSE_SCALARS")
    return bytes(image.to_bytes())


def read_dense(content: bytes, name: str = "map") -> dict[str, dict[str, Float]]:
    """Read the cortex of a CIFTI-2 dense file (``.dscalar.nii``, ``.dlabel.nii``).

    Returns
    -------
    dict of str to dict of str to ndarray, shape (vertex of the hemisphere,)
        By ``left`` and ``right``, then by the name of the map; NaN on the medial wall. A
        hemisphere that is not in the file is not there.

    Raises
    ------
    SubjectError
        The file is broken or no dense CIFTI-2.
    """
    with _readable(name):
        data, rows, models = _dense(content)
        return _hemispheres(data, [str(text) for text in rows.name], models)


def read_dense_labels(content: bytes, name: str = "labels") -> dict[str, Labels]:
    """Read the first labels of a ``.dlabel.nii``, by ``left`` and ``right``.

    Returns
    -------
    dict of str to Labels
        Key -1 on the medial wall, which the file leaves out; key 0, CIFTI's ``???``, is -1 too. A
        hemisphere that is not in the file is not there.

    Raises
    ------
    SubjectError
        The file is broken, no dense CIFTI-2, or has maps in place of labels.
    """
    with _readable(name):
        data, rows, models = _dense(content)
        if not isinstance(rows, LabelAxis):
            raise ValueError("it has no labels")
        names = {int(key): str(text) for key, (text, _) in rows.label[0].items() if key}
        found = _hemispheres(data[:1], ["labels"], models)
        return {
            side: Labels(_keys(own["labels"], names), dict(names)) for side, own in found.items()
        }


def _keys(values: Float, names: Mapping[int, str]) -> NDArray[np.intp]:
    """Return keys as whole numbers, -1 where there is none."""
    keys = np.where(np.isfinite(values) & (values != 0), values, -1).astype(np.intp)
    unnamed = sorted(set(np.unique(keys).tolist()) - {-1, *names})
    if unnamed:
        raise ValueError(f"labels {unnamed[:5]} have no name")
    return keys


def _dense(content: bytes) -> tuple[Float, Any, BrainModelAxis]:
    plain = unzipped(content)
    if huge := _TOO_MANY.search(plain[: plain.find(b"</CIFTI>")]):
        raise ValueError(f"{huge[1].decode()} is above any mesh's")
    with _quiet():
        image = Cifti2Image.from_bytes(plain)
    rows, models = image.header.get_axis(0), image.header.get_axis(1)
    if not isinstance(models, BrainModelAxis) or not isinstance(rows, ScalarAxis | LabelAxis):
        raise ValueError("it holds no maps or labels of vertices")
    _require_bytes(image.nifti_header, plain)
    return np.asarray(image.get_fdata(dtype=np.float64)), rows, models


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """Say of any failure that the file is no dense CIFTI-2."""
    try:
        yield
    except (OSError, EOFError, ValueError, KeyError, AttributeError, IndexError,
            TypeError, OverflowError, AssertionError, ExpatError, zlib.error, WrapStructError,
            Cifti2HeaderError, nib.spatialimages.HeaderDataError,
            nib.filebasedimages.ImageFileError) as error:  # fmt: skip
        said = " ".join(str(error).split())[:120]
        raise SubjectError(f"{name} cannot be read as dense CIFTI-2: {said}.") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep nibabel from complaining that surfaces have no voxel sizes."""
    logger = nib.imageglobals.logger
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _require_bytes(header: Any, plain: bytes) -> None:
    """Refuse a header that promises more than the file has: nibabel would take that memory."""
    promised = math.prod(header.get_data_shape()) * header.get_data_dtype().itemsize
    if not 0 <= promised <= len(plain):
        raise ValueError(f"it has {len(plain)} of {promised} bytes")


def _hemispheres(
    data: Float, named: list[str], models: BrainModelAxis
) -> dict[str, dict[str, Float]]:
    found: dict[str, dict[str, Float]] = {}
    sides = {structure: side for side, structure in STRUCTURES.items()}
    for structure, columns, model in models.iter_structures():
        if structure in sides:
            whole = np.full((len(data), models.nvertices[structure]), np.nan)
            whole[:, model.vertex] = data[:, columns]
            found[sides[structure]] = dict(zip(named, whole, strict=True))
    return found
