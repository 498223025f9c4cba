"""The surface that the page turns, as the page's script reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.report.layers import Layer, pack


@dataclass(frozen=True)
class Bits:
    """Unsigned integers for the browser; see `rt1t2_dask.report.layers.Packed`.

    Parameters
    ----------
    base64 : str
    bits : {8, 16, 32}
        Of one integer.
    """

    base64: str
    bits: int


@dataclass(frozen=True)
class MeshView:
    """Maps on the vertices of both hemispheres, to turn.

    Parameters
    ----------
    surface : str
        What the surface is, in words.
    settings : dict
        For the script: hemispheres, colours, names of regions, size of the ring.
    parts : mapping of str to Bits
        Places, faces and sulci of each hemisphere, and the regions, shared by all maps.
    layers : tuple of Layer
        Maps in the order in which they are offered, both hemispheres, left before right.
    clusters : tuple of Bits
        The number of each vertex's cluster, by contrast.
    peaks : tuple of (str, dict)
        Words of a peak, and where it is: contrast's first map, hemisphere, vertex in it.
    """

    surface: str
    settings: dict[str, Any]
    parts: Mapping[str, Bits]
    layers: tuple[Layer, ...]
    clusters: tuple[Bits, ...] = ()
    peaks: tuple[tuple[str, dict[str, Any]], ...] = ()


def bits(values: NDArray[Any]) -> Bits:
    """Pack whole numbers of 0 or more in the smallest unsigned integers that hold them."""
    largest = int(values.max(initial=0))
    kind = next(k for k in (np.uint8, np.uint16, np.uint32) if largest <= np.iinfo(k).max)
    return Bits(pack(values.astype(kind)).base64, 8 * np.dtype(kind).itemsize)
