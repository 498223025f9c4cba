"""GIFTI surfaces, maps and labels, from bytes and to bytes."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.parsers.expat import ExpatError

import nibabel as nib
import numpy as np
from nibabel.gifti.gifti import GiftiCoordSystem, GiftiDataArray, GiftiImage, GiftiMetaData
from numpy.typing import NDArray

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.surface.mesh import Mesh
from rt1t2_dask.surface.packed import unzipped
from rt1t2_dask.surface.tkr import VolumeGeometry, moved

Float = NDArray[np.float64]
Ints = NDArray[np.intp]
STRUCTURES = {"left": "CortexLeft", "right": "CortexRight"}
_SCANNER = nib.nifti1.xform_codes.code["scanner"]
_BROKEN = (ExpatError, OSError, EOFError, ValueError, TypeError, KeyError, IndexError,
           AttributeError, zlib.error, nib.filebasedimages.ImageFileError)  # fmt: skip


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
    points = _arrays(image, "NIFTI_INTENT_POINTSET", name)[0]
    faces = _arrays(image, "NIFTI_INTENT_TRIANGLE", name)[0]
    try:
        vertices = _in_scanner(points)
    except _BROKEN as error:
        raise _broken(name, error) from error
    return Mesh(vertices, faces.data.astype(np.intp))


def read_maps(content: bytes, name: str = "map") -> dict[str, Float]:
    """Read the maps of a ``.shape.gii`` or ``.func.gii`` by name, each of shape (vertex,).

    Maps without a name, or with one that is taken, are called ``map1``, ``map2``, ...

    Raises
    ------
    SubjectError
        The file is broken, or there is no map in it.
    """
    found: dict[str, Float] = {}
    for k, array in enumerate(_image(content, name).darrays, start=1):
        if np.ndim(array.data) != 1:
            continue
        own = array.meta.get("Name") or f"map{k}"
        found[own if own not in found else f"map{k}"] = np.asarray(array.data, np.float64)
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
    values = _arrays(image, "NIFTI_INTENT_LABEL", name)[0].data
    table = image.labeltable.get_labels_as_dict()
    return Labels(np.asarray(values, np.intp), {int(key): str(text) for key, text in table.items()})


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


def _image(content: bytes, name: str) -> Any:
    try:
        return GiftiImage.from_bytes(unzipped(content))
    except _BROKEN as error:
        raise _broken(name, error) from error


def _arrays(image: Any, intent: str, name: str) -> list[Any]:
    found = image.get_arrays_from_intent(intent)
    if not found:
        raise SubjectError(f"{name} is GIFTI, but has no array of {intent}.")
    return list(found)


def _broken(name: str, error: Exception) -> SubjectError:
    said = " ".join(str(error).split())[:120]
    return SubjectError(f"{name} cannot be read as GIFTI: {said or type(error).__name__}.")


def _in_scanner(points: Any) -> Float:
    vertices = np.asarray(points.data, np.float64)
    system = points.coordsys
    if system is not None and _SCANNER in (system.dataspace, system.xformspace):
        matrix = np.asarray(system.xform, np.float64)
        return vertices if system.dataspace == _SCANNER else moved(vertices, matrix)
    geometry = VolumeGeometry.from_gifti(points.meta)
    return vertices if geometry is None else moved(vertices, geometry.scanner_from_tkr)
