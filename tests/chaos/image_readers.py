"""Readers of images and surfaces: NIfTI, MGH, GIFTI, CIFTI, FreeSurfer's, ITK's transforms."""

from __future__ import annotations

import base64
import gzip
import re
import struct
import tempfile
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import SimpleITK as sitk  # noqa: N813
from cases import NAME, Case, Reader
from mutators import (
    FLOATS,
    INTEGERS,
    Rng,
    bomb,
    cut,
    deflated_bomb,
    flip,
    gzipped,
    in_members,
    spoilt,
)
from nibabel.nifti1 import Nifti1Extension

from rt1t2_dask.images import nifti
from rt1t2_dask.images.registration.itk_transform import read_transform, warp_of
from rt1t2_dask.images.volume import Grid
from rt1t2_dask.surface import cifti, freesurfer, gifti
from rt1t2_dask.surface.mesh import Mesh
from rt1t2_dask.surface.tkr import scanner_from_tkr

SHAPE = (12, 11, 10)
AFFINE = np.array([[2.0, 0, 0, -11], [0, 2, 0, -10], [0, 0, 2, -9], [0, 0, 0, 1]])
TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4"}
MAGIC = (b"n+1\0", b"ni1\0", b"n+2\0", b"N+1\0", b"\0\0\0\0", b"n+1 ")


@cache
def image(dtype: str = "<f4", kind: Any = nib.Nifti1Image) -> bytes:
    data = np.random.default_rng(3).uniform(1, 900, SHAPE).astype(dtype)
    made = kind(data, AFFINE, dtype=np.dtype(dtype))
    made.set_qform(AFFINE, 1)
    made.set_sform(AFFINE, 1)
    made.header.set_xyzt_units("mm", "sec")
    if np.dtype(dtype).kind == "i":
        made.header.set_slope_inter(0.5, 3)
    return bytes(made.to_bytes())


@cache
def swapped() -> bytes:
    header = nib.Nifti1Image.from_bytes(image()).header.as_byteswapped(">")
    data = np.random.default_rng(3).uniform(1, 900, SHAPE).astype(">f4")
    return bytes(header.binaryblock) + bytes(4) + data.tobytes(order="F")


def nifti_bases() -> list[bytes]:
    return [image(), image("<i2"), image(kind=nib.Nifti2Image), swapped()]


def _with_fields(content: bytes, rng: Rng) -> bytes:
    """Set one to four fields of the header to extreme values."""
    data = bytearray(content.ljust(544, b"\0"))
    two = data[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c")
    kind: Any = nib.Nifti2Header if two else nib.Nifti1Header
    order = ">" if data[0] == 0 else "<"
    header = np.ndarray((), kind.template_dtype.newbyteorder(order), buffer=data)
    names = list(header.dtype.names or ())
    for _ in range(int(rng.integers(1, 5))):
        _set(header, names[rng.integers(len(names))], rng)
    return bytes(data)


def _set(header: Any, name: str, rng: Rng) -> None:
    own = header.dtype[name]
    base = own.base
    if name == "magic":
        header[name] = MAGIC[rng.integers(len(MAGIC))]
    elif base.kind == "S":
        header[name] = rng.bytes(base.itemsize)
    else:
        value = _number(base, rng)
        if own.shape:
            header[name].flat[int(rng.integers(np.prod(own.shape)))] = value
        else:
            header[name] = value


def _number(base: np.dtype[Any], rng: Rng) -> Any:
    if base.kind == "f":
        return FLOATS[rng.integers(len(FLOATS))]
    bits = 8 * base.itemsize
    value = int(INTEGERS[rng.integers(len(INTEGERS))]) % (1 << bits)
    return value - (1 << bits) if base.kind == "i" and value >= 1 << (bits - 1) else value


def _with_extension(content: bytes, rng: Rng) -> bytes:
    made = nib.Nifti1Image.from_bytes(content)
    words = rng.bytes(int(rng.integers(1, 5000)))
    made.header.extensions.append(Nifti1Extension("comment", words))
    return bytes(made.to_bytes())


def nifti_case(rng: Rng) -> Case:
    content = nifti_bases()[rng.integers(4)]
    how = int(rng.integers(10))
    if how < 4:
        changed = _with_fields(content, rng)
        return Case(gzipped(changed) if rng.random() < 0.3 else changed, "header fields")
    if how == 4:
        return Case(spoilt(content, rng), "bytes")
    if how == 5:
        return Case(spoilt(gzipped(content), rng), "packed bytes")
    if how == 6:
        return Case(gzipped(_with_fields(spoilt(content, rng)[:600], rng)), "short")
    if how == 7:
        return Case(cut(content, rng), "cut", "refused")
    if how == 8 and rng.random() < 0.1:
        return Case(bomb(content, rng), "bomb")
    return Case(gzipped(cut(gzipped(content), rng)), "cut within", "refused")


def sound_nifti_case(rng: Rng) -> Case:
    """Change what changes no image."""
    content, how = image(), int(rng.integers(7))
    ways: Sequence[Callable[[], bytes]] = (
        lambda: gzipped(content),
        lambda: gzipped(gzipped(content)),
        lambda: in_members(content, rng),
        lambda: _with_extension(content, rng),
        lambda: gzipped(_with_extension(content, rng)),
        lambda: content + rng.bytes(int(rng.integers(1, 300))),
        lambda: swapped(),
    )
    return Case(ways[how](), f"sound, way {how}", "same")


def damaged_nifti_case(rng: Rng) -> Case:
    packed = gzipped(image())
    changed = flip(packed, rng) if rng.random() < 0.7 else cut(packed, rng)
    return Case(changed, "damaged gzip", "same or refused")


def as_headers_say(content: bytes, result: Any) -> None:
    """Compare with the voxels as NumPy alone reads them by the header's numbers."""
    while content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    orders = [o for o in "<>" if struct.unpack(f"{o}i", content[:4])[0] in (348, 540)]
    if not orders:  # by the size of the header nobody could tell
        return
    order, two = (
        orders[0],
        540 in struct.unpack("<i", content[:4]) + struct.unpack(">i", content[:4]),
    )
    kind: Any = nib.Nifti2Header if two else nib.Nifti1Header
    head = np.frombuffer(content, kind.template_dtype.newbyteorder(order), 1)[0]
    dims, offset = head["dim"], int(head["vox_offset"]) or (544 if two else 352)
    shape = tuple(int(n) for n in dims[1 : 1 + int(dims[0])])
    assert result.data.shape == shape[:3], (result.data.shape, shape)
    raw = np.frombuffer(content, order + TYPES[int(head["datatype"])], result.data.size, offset)
    slope, inter = float(head["scl_slope"]), float(head["scl_inter"])
    if not np.isfinite(slope) or slope == 0:
        slope, inter = 1.0, 0.0
    with np.errstate(all="ignore"):
        wanted = (raw.astype(np.float64) * slope + inter).astype(np.float32)
    wanted = wanted.reshape(result.data.shape, order="F")
    wanted[~np.isfinite(wanted)] = np.nan
    if result.data.dtype == bool:
        return
    assert np.allclose(result.data, wanted, rtol=1e-4, equal_nan=True), "other voxels"
    assert np.isfinite(result.affine).all(), "the affine is not finite"
    assert abs(np.linalg.det(result.affine[:3, :3])) > 0, "the affine is singular"


def _started(content: bytes) -> Any:
    start = nifti.inspect_start(content[: nifti.START_BYTES], NAME)
    nifti.require_whole(content, start, NAME)
    return start.grid.shape, nifti.intercept(content, NAME)


def _several(content: bytes) -> Any:
    return nifti.many_from_bytes(content, NAME)


def nifti_readers() -> list[Reader]:
    scan = partial(nifti.from_bytes, name=NAME)
    as_map = partial(nifti.from_bytes, name=NAME, kind="map")
    as_mask = partial(nifti.from_bytes, name=NAME, kind="mask")
    return [
        Reader("nifti scan", nifti_case, scan, share=18, check=as_headers_say),
        Reader("nifti map", nifti_case, as_map, share=8, check=as_headers_say),
        Reader("nifti mask", nifti_case, as_mask, share=4),
        Reader("nifti start", nifti_case, _started, share=8),
        Reader("nifti series", nifti_case, _several, share=3),
        Reader("nifti sound", sound_nifti_case, scan, image(), 4),
        Reader("nifti damaged", damaged_nifti_case, scan, image(), 8),
    ]


@cache
def mesh() -> Mesh:
    from scipy.spatial import ConvexHull

    points = np.random.default_rng(5).standard_normal((60, 3))
    points *= 30 / np.linalg.norm(points, axis=1, keepdims=True)
    return Mesh(points, ConvexHull(points).simplices)


@cache
def surface_gifti() -> bytes:
    return gifti.surface_bytes(mesh(), "left")


@cache
def ascii_gifti() -> bytes:
    from nibabel.gifti import GiftiDataArray, GiftiImage

    words = {"VolGeomC_R": "1.5", "VolGeomC_A": "2", "VolGeomC_S": "-3"}
    points = GiftiDataArray(
        mesh().vertices.astype(np.float32), "NIFTI_INTENT_POINTSET", encoding=1, meta=words
    )
    faces = GiftiDataArray(mesh().faces.astype(np.int32), "NIFTI_INTENT_TRIANGLE", encoding=1)
    return bytes(GiftiImage(darrays=[points, faces]).to_bytes())


@cache
def maps_gifti() -> bytes:
    values = np.random.default_rng(0).standard_normal(60)
    return gifti.shape_bytes({"ratio": values, "thickness": values + 2}, "right")


@cache
def labels_gifti() -> bytes:
    from nibabel.gifti import GiftiDataArray, GiftiImage, GiftiLabel, GiftiLabelTable

    table = GiftiLabelTable()
    for key, name in ((0, "???"), (7, "insula")):
        label = GiftiLabel(key, 1, 1, 1, 1)
        label.label = name
        table.labels.append(label)
    values = np.where(np.arange(60) < 9, 7, 0).astype(np.int32)
    array = GiftiDataArray(values, "NIFTI_INTENT_LABEL")
    return bytes(GiftiImage(darrays=[array], labeltable=table).to_bytes())


@cache
def dense() -> bytes:
    left, right = np.arange(60) > 3, np.arange(60) > 5
    return cifti.dscalar_bytes({"ratio": np.arange(120.0), "n": np.ones(120)}, left, right)


XML_VALUES = (
    "", "-1", "0", "4294967296", "99999999999", "1e9", "nan", "NaN", "inf", "x" * 5000, "\u202e",
    "&lt;script&gt;", "NIFTI_TYPE_FLOAT32", "NIFTI_TYPE_UINT8", "NIFTI_TYPE_COMPLEX64",
    "GZipBase64Binary", "ASCII", "ExternalFileBinary", "BigEndian", "ColumnMajorOrder",
    "NIFTI_INTENT_POINTSET", "NIFTI_INTENT_TRIANGLE", "NIFTI_INTENT_LABEL", "2000000000",
    "CIFTI_STRUCTURE_CORTEX_LEFT", "CIFTI_MODEL_TYPE_VOXELS", "../../etc/passwd", "1 2 3",
)  # fmt: skip
LAUGHS = (
    b'<!DOCTYPE lolz [<!ENTITY a "ha ha ha ha ha ha ha ha">'
    + b"".join(
        f'<!ENTITY {b} "{("&" + a + ";") * 10}">'.encode()
        for a, b in zip("abcdefghi", "bcdefghij", strict=True)
    )
    + b"]>"
)


def xml_changed(content: bytes, rng: Rng) -> bytes:
    """Change attributes, text and elements of XML, one to four times."""
    for _ in range(int(rng.integers(1, 5))):
        how = int(rng.integers(5))
        value = XML_VALUES[rng.integers(len(XML_VALUES))].encode()
        if how < 2:
            places = list(re.finditer(rb'="([^"]*)"', content))
            if places:
                one = places[rng.integers(len(places))]
                content = content[: one.start(1)] + value + content[one.end(1) :]
        elif how == 2:
            places = list(re.finditer(rb">([^<>]+)<", content))
            if places:
                one = places[rng.integers(len(places))]
                content = content[: one.start(1)] + value + content[one.end(1) :]
        elif how == 3:
            places = list(re.finditer(rb"</?\w+[^<>]*>", content))
            if places:
                one = places[rng.integers(len(places))]
                again = one[0] * 2 if rng.random() < 0.5 else b""
                content = content[: one.start()] + again + content[one.end() :]
        else:
            content = content.replace(b"?>", b"?>" + LAUGHS, 1).replace(b">\n<", b">&i;\n<", 1)
    return content


def _with_inner_bomb(content: bytes) -> bytes:
    packed = base64.b64encode(_bomb_of_arrays())
    changed = re.sub(rb"(<Data>)[^<]*(</Data>)", rb"\1" + packed + rb"\2", content, count=1)
    return changed.replace(b'Dim0="60"', b'Dim0="178956970"', 1)


@cache
def _bomb_of_arrays() -> bytes:
    return deflated_bomb()


def xml_case(base: Callable[[], bytes], rng: Rng) -> Case:
    content, how = base(), int(rng.integers(8))
    if how < 4:
        return Case(xml_changed(content, rng), "xml")
    if how == 4:
        return Case(spoilt(content, rng), "bytes")
    if how == 5:
        return Case(spoilt(gzipped(content), rng), "packed bytes")
    if how == 6 and rng.random() < 0.02:
        return Case(_with_inner_bomb(content), "bomb within")
    if how == 7 and rng.random() < 0.05:
        return Case(bomb(content, rng), "bomb")
    return Case(gzipped(xml_changed(content, rng)), "packed xml")


def dense_case(rng: Rng) -> Case:
    content, how = dense(), int(rng.integers(5))
    if how == 0:
        return Case(_with_fields(content, rng), "header fields")
    if how == 1:
        return Case(spoilt(content, rng), "bytes")
    start, stop = content.index(b"<CIFTI"), content.index(b"</CIFTI>") + 8
    xml = xml_changed(content[start:stop], rng)
    # As long as before, where it can be: the header says how long it is.
    xml = xml.ljust(stop - start)[: stop - start] if rng.random() < 0.8 else xml
    changed = content[:start] + xml + content[stop:]
    if how == 2 and rng.random() < 0.05:
        return Case(bomb(changed, rng), "bomb")
    return Case(changed, "xml")


def bytes_case(base: Callable[[], bytes], rng: Rng) -> Case:
    content = base()
    if rng.random() < 0.01:
        return Case(bomb(content, rng), "bomb")
    if rng.random() < 0.1:
        return Case(gzipped(spoilt(content, rng)), "packed")
    return Case(spoilt(content, rng), "bytes")


def _written(write: Callable[[str], None]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        write(str(path))
        return path.read_bytes()


@cache
def geometry() -> bytes:
    return _written(lambda p: nib.freesurfer.write_geometry(p, mesh().vertices, mesh().faces))


@cache
def morph() -> bytes:
    values = np.arange(60, dtype=np.float32)
    return _written(lambda p: nib.freesurfer.write_morph_data(p, values))


@cache
def annotation() -> bytes:
    labels = np.arange(60) % 3
    colours = np.array([[10, 20, 30, 0], [40, 50, 60, 0], [70, 80, 90, 0]])
    names = ["unknown", "bankssts", "insula"]
    return _written(lambda p: nib.freesurfer.write_annot(p, labels, colours, names, fill_ctab=True))


@cache
def volume_mgh() -> bytes:
    return bytes(nib.MGHImage(np.zeros((9, 7, 8), np.uint8), AFFINE).to_bytes())


def _sound_mesh(content: Any, result: Mesh) -> None:
    assert np.isfinite(result.vertices).all(), "vertices that are not finite"
    assert result.faces.size == 0 or result.faces.max() < len(result.vertices), "faces"


def _finite(content: Any, result: Any) -> None:
    assert np.isfinite(result).all(), "a matrix that is not finite"
    assert abs(np.linalg.det(result[:3, :3])) > 0, "a matrix that is singular"


def surface_readers() -> list[Reader]:
    def geometry_of(content: bytes) -> Mesh:
        return freesurfer.read_geometry(content, np.eye(4), NAME)

    read = partial(partial, name=NAME)
    return [
        Reader("gifti surface", partial(xml_case, surface_gifti), read(gifti.read_surface),
               share=8, check=_sound_mesh),
        Reader("gifti text", partial(xml_case, ascii_gifti), read(gifti.read_surface), share=4,
               check=_sound_mesh),
        Reader("gifti maps", partial(xml_case, maps_gifti), read(gifti.read_maps), share=4),
        Reader("gifti labels", partial(xml_case, labels_gifti), read(gifti.read_labels), share=4),
        Reader("cifti", dense_case, read(cifti.read_dense), share=5),
        Reader("freesurfer geometry", partial(bytes_case, geometry), geometry_of, share=5,
               check=_sound_mesh),
        Reader("freesurfer map", partial(bytes_case, morph), read(freesurfer.read_map), share=3),
        Reader("freesurfer annotation", partial(bytes_case, annotation),
               read(freesurfer.read_annotation), share=5),
        Reader("freesurfer orig", partial(bytes_case, volume_mgh), read(scanner_from_tkr), share=3,
               check=_finite),
    ]  # fmt: skip


@cache
def transform(kind: str) -> bytes:
    affine = sitk.AffineTransform(3)
    affine.SetTranslation((1.0, -2.0, 3.0))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"x{kind}")
        sitk.WriteTransform(affine, str(path))
        return path.read_bytes()


def transform_case(kind: str, rng: Rng) -> Case:
    content = transform(kind)
    if kind == ".txt" and rng.random() < 0.6:
        words = content.split(b" ")
        for _ in range(int(rng.integers(1, 4))):
            value = XML_VALUES[rng.integers(len(XML_VALUES))].encode()
            words[rng.integers(len(words))] = value
        return Case(b" ".join(words), "words")
    return Case(spoilt(content, rng), "bytes")


def _warped(kind: str, content: bytes) -> Any:
    grid = Grid(SHAPE, AFFINE)
    return warp_of(read_transform(content, kind), grid)


def transform_readers() -> list[Reader]:
    return [
        Reader(f"transform {kind}", partial(transform_case, kind), partial(_warped, kind),
               share=share, named=False)
        for kind, share in ((".txt", 2), (".mat", 1), (".h5", 0.2))
    ]  # fmt: skip
