"""GIFTI surfaces, maps and labels, from bytes and to bytes."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from xml.parsers.expat import ExpatError

import nibabel as nib
import numpy as np
from nibabel.gifti.gifti import GiftiCoordSystem, GiftiDataArray, GiftiImage, GiftiMetaData
from numpy.typing import NDArray

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.surface.mesh import Mesh
from rt1t2_dask.surface.packed import MOST_BYTES, unzipped
from rt1t2_dask.surface.tkr import VolumeGeometry, moved

Float = NDArray[np.float64]
Ints = NDArray[np.intp]
STRUCTURES = {"left": "CortexLeft", "right": "CortexRight"}
_SCANNER = nib.nifti1.xform_codes.code["scanner"]
_BROKEN = (ExpatError, OSError, EOFError, ValueError, TypeError, LookupError,
           AttributeError, OverflowError, AssertionError, zlib.error,
           nib.filebasedimages.ImageFileError)  # fmt: skip
# nibabel loops as often as this says, be it for hours.
_DIMENSIONS = re.compile(rb"Dimensionality\s*=\s*[\"'][\s+0]*[1-9_][\d_]")
_DATA = re.compile(rb"<Data>\s*([A-Za-z0-9+/=\s]+?)\s*</Data>")


@dataclass(frozen=True, eq=False)
class Labels:
    """A label for each vertex.

    Parameters
    ----------
    values : ndarray of int, shape (vertex,)
        Keys of ``names``.
    names : dict of int to str
        Of all labels the file knows.
    """

    values: Ints
    names: dict[int, str]


def read_surface(content: bytes, name: str = "surface") -> Mesh:
    """Read a ``.surf.gii`` (gzip or not) in scanner RAS+ mm.

    Parameters
    ----------
    content : bytes
    name : str
        What errors call it.

    Raises
    ------
    SubjectError
        The file is broken, has no mesh, or its mesh is broken.

    Notes
    -----
    A transform to scanner space in the file is applied. FreeSurfer's own files are in its surface
    RAS and say where the volume's centre lies (``VolGeomC_R``, ``_A``, ``_S``): they are moved by
    that geometry. sMRIPrep has moved them and left zeros there. The transform to Talairach space
    that FreeSurfer writes into every file leads elsewhere and is left alone.
    """
    image = _image(content, name)
    with _reading(name):
        points = _arrays(image, "NIFTI_INTENT_POINTSET", name)[0]
        faces = _arrays(image, "NIFTI_INTENT_TRIANGLE", name)[0]
        vertices, corners = _in_scanner(points), _whole_numbers(faces.data)
    return named_mesh(vertices, corners, name)


def read_maps(content: bytes, name: str = "map") -> dict[str, Float]:
    """Read the maps of a ``.shape.gii`` or ``.func.gii`` by name, each of shape (vertex,).

    Maps without a name, or with one that is taken, are called ``map1``, ``map2``, ...

    Raises
    ------
    SubjectError
        The file is broken, or there is no map in it.
    """
    found: dict[str, Float] = {}
    with _reading(name):
        for k, array in enumerate(_image(content, name).darrays, start=1):
            if np.ndim(array.data) != 1:
                continue
            own = array.meta.get("Name") or f"map{k}"
            found[own if own not in found else f"map{k}"] = _numbers(array.data)
    if not found:
        raise SubjectError(f"{name} is GIFTI, but has no map with one value a vertex.")
    return found


def read_labels(content: bytes, name: str = "labels") -> Labels:
    """Read the first labels of a ``.label.gii``.

    Raises
    ------
    SubjectError
        The file is broken, or has no labels.
    """
    image = _image(content, name)
    with _reading(name):
        values = _whole_numbers(_arrays(image, "NIFTI_INTENT_LABEL", name)[0].data)
        table = image.labeltable.get_labels_as_dict()
        return Labels(values, {int(key): str(text) for key, text in table.items()})


def shape_bytes(maps: Mapping[str, NDArray[np.floating]], side: str) -> bytes:
    """Write maps of one hemisphere as ``.shape.gii``: float32, compressed, missing as NaN.

    Parameters
    ----------
    maps : mapping of str to ndarray, shape (vertex,)
    side : str
        ``left`` or ``right``.
    """
    arrays = [
        GiftiDataArray(
            np.asarray(values, np.float32),
            intent="NIFTI_INTENT_SHAPE",
            datatype="NIFTI_TYPE_FLOAT32",
            meta={"Name": name},
        )
        for name, values in maps.items()
    ]
    return _bytes(arrays, side)


def surface_bytes(mesh: Mesh, side: str, kind: str = "MidThickness") -> bytes:
    """Write a mesh as ``.surf.gii`` in scanner RAS+ mm, float32.

    Parameters
    ----------
    mesh : Mesh
    side : str
        ``left`` or ``right``.
    kind : str
        GIFTI's secondary structure: ``GrayWhite``, ``MidThickness`` or ``Pial``.
    """
    points = GiftiDataArray(
        mesh.vertices.astype(np.float32),
        intent="NIFTI_INTENT_POINTSET",
        datatype="NIFTI_TYPE_FLOAT32",
        coordsys=GiftiCoordSystem(_SCANNER, _SCANNER, np.eye(4)),
        meta={
            "AnatomicalStructurePrimary": STRUCTURES[side],
            "AnatomicalStructureSecondary": kind,
            "GeometricType": "Anatomical",
        },
    )
    faces = GiftiDataArray(
        mesh.faces.astype(np.int32),
        intent="NIFTI_INTENT_TRIANGLE",
        datatype="NIFTI_TYPE_INT32",
        coordsys=None,
        meta={"TopologicalType": "Closed"},
    )
    return _bytes([points, faces], side)


def _bytes(arrays: list[GiftiDataArray], side: str) -> bytes:
    meta = GiftiMetaData(AnatomicalStructurePrimary=STRUCTURES[side])
    return bytes(GiftiImage(darrays=arrays, meta=meta).to_bytes())


def named_mesh(vertices: Float, faces: Ints, name: str) -> Mesh:
    """Return a mesh; what is wrong with it is said with the name of its file.

    Raises
    ------
    SubjectError
    """
    try:
        return Mesh(vertices, faces)
    except SubjectError as error:
        raise SubjectError(f"{name}: {error.reason}", error.remedy) from None


def _image(content: bytes, name: str) -> Any:
    with _reading(name):
        plain = unzipped(content)
        _require_size(plain)
        return GiftiImage.from_bytes(plain)


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise _broken(name, error) from error


def _require_size(plain: bytes) -> None:
    """Refuse arrays larger than surfaces have: nibabel takes whatever they say they are."""
    if _DIMENSIONS.search(plain):
        raise ValueError("an array has more than nine dimensions")
    left = MOST_BYTES
    for data in _DATA.finditer(plain):
        packed = base64.b64decode(data[1])
        if packed[:1] == b"\x78":  # zlib's; others are as long as they stand there
            left -= len(zlib.decompressobj().decompress(packed, left + 1))
        if left < 0:
            raise ValueError(f"its arrays unpack to more than {MOST_BYTES} bytes")


def _numbers(data: Any) -> Float:
    found = np.asarray(data)
    if found.dtype.kind not in "iuf":
        raise ValueError(f"an array holds {found.dtype}, not real numbers")
    return np.asarray(found, np.float64)


def _whole_numbers(data: Any) -> Ints:
    found = np.asarray(data)
    if found.dtype.kind in "iu":
        return np.asarray(found, np.intp)
    values = _numbers(found)
    if not np.array_equal(values, np.rint(values)) or np.abs(values).max(initial=0) > 2**31:
        raise ValueError("an array of whole numbers holds others")
    return np.asarray(values, np.intp)


def _arrays(image: Any, intent: str, name: str) -> list[Any]:
    found = image.get_arrays_from_intent(intent)
    if not found:
        raise SubjectError(f"{name} is GIFTI, but has no array of {intent}.")
    return list(found)


def _broken(name: str, error: Exception) -> SubjectError:
    said = " ".join(str(error).split())[:120]
    return SubjectError(f"{name} cannot be read as GIFTI: {said or type(error).__name__}.")


def _in_scanner(points: Any) -> Float:
    vertices = _numbers(points.data)
    system = points.coordsys
    if system is not None and _SCANNER in (system.dataspace, system.xformspace):
        matrix = np.asarray(system.xform, np.float64)
        return vertices if system.dataspace == _SCANNER else moved(vertices, matrix)
    geometry = VolumeGeometry.from_gifti(points.meta)
    return vertices if geometry is None else moved(vertices, geometry.scanner_from_tkr)
