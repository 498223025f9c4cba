"""CIFTI-2 dense scalars of both hemispheres, to bytes and from bytes."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

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
    data, rows, models = _dense(content, name)
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
    data, rows, models = _dense(content, name)
    if not isinstance(rows, LabelAxis):
        raise SubjectError(f"{name} is CIFTI-2, but has no labels.")
    names = {int(key): str(text) for key, (text, _) in rows.label[0].items() if key}
    found = _hemispheres(data[:1], ["labels"], models)
    return {
        side: Labels(_keys(own["labels"], names, name), dict(names)) for side, own in found.items()
    }


def _keys(values: Float, names: Mapping[int, str], name: str) -> NDArray[np.intp]:
    """Return keys as whole numbers, -1 where there is none."""
    keys = np.where(np.isfinite(values) & (values != 0), values, -1).astype(np.intp)
    unnamed = sorted(set(np.unique(keys).tolist()) - {-1, *names})
    if unnamed:
        raise SubjectError(f"{name} has labels without a name: {unnamed[:5]}.")
    return keys


def _dense(content: bytes, name: str) -> tuple[Float, Any, BrainModelAxis]:
    try:
        with _quiet():
            image = Cifti2Image.from_bytes(unzipped(content))
        rows, models = image.header.get_axis(0), image.header.get_axis(1)
        if not isinstance(models, BrainModelAxis) or not isinstance(rows, ScalarAxis | LabelAxis):
            raise ValueError("it holds no maps or labels of vertices")
        return np.asarray(image.get_fdata(dtype=np.float64)), rows, models
    except (OSError, EOFError, ValueError, KeyError, AttributeError, IndexError,
            zlib.error, WrapStructError, Cifti2HeaderError, nib.spatialimages.HeaderDataError,
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
