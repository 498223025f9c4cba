"""Maps of the viewer: quantised on one grid and packed for the browser."""

from __future__ import annotations

import base64
import gzip
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

T_STEP = 0.01
T_LARGEST = 327.67
CODES = 254
MOST_DIGITS = 4


@dataclass(frozen=True)
class Packed:
    """An array for the browser.

    Parameters
    ----------
    base64 : str
        Gzip of differences between neighbours along x (modulo 256, or 65536 with the low bytes
        before the high ones), x fastest, then y, then z; the first difference is to 0.
    """

    base64: str


@dataclass(frozen=True)
class MapWords:
    """How the viewer names a map.

    Parameters
    ----------
    name : str
        Short name, unique in a viewer.
    title : str
        In the list of maps.
    symbol : str
        Before a value.
    unit : str
        At the colour bar; empty where there is none.
    """

    name: str
    title: str
    symbol: str
    unit: str = ""


@dataclass(frozen=True)
class Layer:
    """A map of the viewer: code k > 0 is ``low + (k - 1) * step``; 0 was not measured.

    Parameters
    ----------
    packed : Packed
    settings : dict
        For the script: words, code, range and the height it starts with.
    """

    packed: Packed
    settings: dict[str, Any]


def pack(values: NDArray[Any]) -> Packed:
    """Pack unsigned integers, shape (x, y, z), deterministically."""
    flat = np.ascontiguousarray(values.T).reshape(-1)
    steps = np.diff(flat, prepend=flat.dtype.type(0))
    planes = steps.astype(steps.dtype.newbyteorder("<")).view(np.uint8)
    planes = planes.reshape(-1, flat.dtype.itemsize).T
    return Packed(base64.b64encode(gzip.compress(planes.tobytes(), 9, mtime=0)).decode("ascii"))


def statistic_layer(
    values: NDArray[np.float64], words: MapWords, signed: bool, height: float
) -> Layer:
    """Quantise t or F to hundredths, 16 bits, so that readings agree with the tables."""
    low = -T_LARGEST if signed else 0.0
    codes = 1 + np.round((np.clip(values, low, low + 65534 * T_STEP) - low) / T_STEP)
    largest = max(_largest(values), 1.05 * height)
    code = {"low": low, "step": T_STEP, "bits": 16, "digits": 2}
    drawn = {"signed": signed, "largest": largest, "height": height}
    return _layer(codes, values, np.uint16, words, code | drawn)


def map_layer(values: NDArray[np.float64], words: MapWords, height: float = 0.0) -> Layer:
    """Quantise a map to 254 steps over its range, which is symmetric where it has both signs."""
    known = values[np.isfinite(values)]
    signed = bool(known.size and known.min() < 0)
    largest = max(_largest(values), 1.05 * height) or 1.0
    low = -largest if signed else 0.0
    step = largest / (CODES / 2 if signed else CODES)
    codes = 1 + np.round((values - low) / step)
    digits = min(max(math.ceil(-math.log10(step)), 0), MOST_DIGITS)
    code = {"low": low, "step": step, "bits": 8, "digits": digits}
    drawn = {"signed": signed, "largest": largest, "height": height}
    return _layer(codes, values, np.uint8, words, code | drawn)


def _layer(
    codes: NDArray[np.float64],
    values: NDArray[np.float64],
    kind: type[np.unsignedinteger[Any]],
    words: MapWords,
    settings: dict[str, Any],
) -> Layer:
    whole = np.where(np.isfinite(values), codes, 0).astype(kind)
    said = {"map": words.name, "words": words.title, "symbol": words.symbol, "unit": words.unit}
    return Layer(pack(whole), said | settings)


def _largest(values: NDArray[np.float64]) -> float:
    return float(np.nanmax(np.abs(values), initial=0))
