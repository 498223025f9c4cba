"""FreeSurfer's binary surfaces, maps and annotations, from bytes.

Formats as in FreeSurfer's own readers (``mrisurf``, ``colortab``); all numbers are big-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.surface.gifti import Labels, named_mesh
from rt1t2_dask.surface.mesh import Mesh
from rt1t2_dask.surface.tkr import moved

Float = NDArray[np.float64]
TRIANGLES = b"\xff\xff\xfe"
NEW_MAP = b"\xff\xff\xff"
NO_LABEL = "unknown"


@dataclass
class _Reader:
    content: bytes
    name: str
    at: int = 0

    def numbers(self, kind: str, count: int) -> NDArray[np.generic]:
        """Return the next numbers of a NumPy type such as ``>i4``."""
        size = np.dtype(kind).itemsize * count
        if count < 0 or self.at + size > len(self.content):
            raise SubjectError(
                f"{self.name} ends too early: {self.at + size} bytes are announced, it has "
                f"{len(self.content)}."
            )
        found = np.frombuffer(self.content, kind, count, self.at)
        self.at += size
        return found

    def integer(self) -> int:
        """Return the next integer of 4 bytes."""
        return int(self.numbers(">i4", 1)[0])

    def text(self) -> str:
        """Return the next string, its length before it."""
        raw = self.numbers("u1", self.integer()).tobytes()
        return raw.rstrip(b"\0").decode("utf-8", "replace")


def read_geometry(content: bytes, scanner_from_tkr: Float, name: str = "surface") -> Mesh:
    """Read a surface such as ``lh.white`` in scanner RAS+ mm.

    Parameters
    ----------
    content : bytes
    scanner_from_tkr : ndarray, shape (4, 4)
        From `rt1t2_dask.surface.tkr.scanner_from_tkr`; the identity for spheres.
    name : str
        What errors call it.

    Raises
    ------
    SubjectError
        The file is no triangle surface, ends too early, or its mesh is broken.
    """
    if content[:3] != TRIANGLES:
        raise SubjectError(f"{name} is no triangle surface of FreeSurfer.")
    # Two lines of text, of whoever made the file, follow the mark.
    end = content.find(b"\n\n", 3)
    if end < 0:
        raise SubjectError(f"{name} ends within its first lines.")
    reader = _Reader(content, name, end + 2)
    n_vertices, n_faces = reader.integer(), reader.integer()
    points = reader.numbers(">f4", 3 * n_vertices).astype(np.float64).reshape(-1, 3)
    faces = reader.numbers(">i4", 3 * n_faces).astype(np.intp).reshape(-1, 3)
    return named_mesh(moved(points, np.asarray(scanner_from_tkr, np.float64)), faces, name)


def read_map(content: bytes, name: str = "map") -> Float:
    """Read a map such as ``lh.thickness``, ``lh.curv`` or ``lh.sulc``, shape (vertex,).

    Raises
    ------
    SubjectError
        The file is no such map, or ends too early.
    """
    if content[:3] != NEW_MAP:
        raise SubjectError(f"{name} is no map of FreeSurfer's (curv format).")
    reader = _Reader(content, name, 3)
    n_vertices, _, per_vertex = reader.integer(), reader.integer(), reader.integer()
    if per_vertex != 1:
        raise SubjectError(f"{name} has {per_vertex} values a vertex, not 1.")
    return reader.numbers(">f4", n_vertices).astype(np.float64)


def read_annotation(content: bytes, name: str = "annotation") -> Labels:
    """Read the regions of an ``.annot``: keys are places in its colour table.

    Vertices whose colour is not in the table, and those FreeSurfer calls unknown, get -1.

    Raises
    ------
    SubjectError
        The file has no colour table, ends too early, or is of an unknown version.
    """
    reader = _Reader(content, name)
    pairs = reader.numbers(">i4", 2 * reader.integer()).reshape(-1, 2).astype(np.intp)
    if reader.at >= len(content) or reader.integer() != 1:
        raise SubjectError(f"{name} has no colour table, so its regions have no names.")
    table = _table(reader)
    colours = np.array([colour for colour, _ in table.values()], np.intp)
    keys = np.array([*table, -1], np.intp)
    order = np.argsort(colours, kind="stable")
    if len(pairs) and not 0 <= pairs[:, 0].min() <= pairs[:, 0].max() < len(pairs):
        raise SubjectError(f"{name} names vertices beyond the {len(pairs)} it has.")
    annotation = np.zeros(len(pairs), np.intp)
    annotation[pairs[:, 0]] = pairs[:, 1]
    place = np.searchsorted(colours[order], annotation)
    found = np.append(order, len(keys) - 1)[place]
    right = np.append(colours, -1)[found] == annotation
    names = {key: text for key, (_, text) in table.items()}
    values = np.where(right, keys[found], -1)
    unknown = [key for key, text in names.items() if text.lower() == NO_LABEL]
    return Labels(np.where(np.isin(values, unknown), -1, values), names)


def _table(reader: _Reader) -> dict[int, tuple[int, str]]:
    """Return colour, as vertices carry it, and name of each entry."""
    version = reader.integer()
    if version > 0:
        reader.text()
        return {k: _entry(reader) for k in range(version)}
    if version != -2:
        raise SubjectError(f"{reader.name} has a colour table of version {-version}, not 2.")
    reader.integer()
    reader.text()
    return {reader.integer(): _entry(reader) for _ in range(reader.integer())}


def _entry(reader: _Reader) -> tuple[int, str]:
    text = reader.text()
    red, green, blue, _ = struct.unpack(">4i", reader.numbers("u1", 16).tobytes())
    return red + (green << 8) + (blue << 16), text
