"""Content-derived names: canonical text, digests and part keys."""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

_KEY_LENGTH = 32


def plain(value: Any) -> Any:
    """Copy `value` with numpy scalars, arrays and tuples converted to JSON types.

    Parameters
    ----------
    value : Any
        None, bool, int, float, str, numpy scalars and arrays, lists, tuples and mappings of them.

    Returns
    -------
    Any
        The same content as dict, list, str, int, float, bool and None.
    """
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def canonical(obj: Any) -> bytes:
    """Serialise `obj` canonically: equal content gives equal text, whatever the order of mappings.

    Parameters
    ----------
    obj : Any
        None, bool, int, finite float, str, and lists, tuples and str-keyed mappings of them.

    Returns
    -------
    bytes
        JSON with sorted keys and no blanks; floats in their shortest exact form. A tuple
        counts as a list; 1, 1.0, True and "1" all differ.

    Raises
    ------
    TypeError
        For any other type: it has no canonical text and cannot enter a key.
    ValueError
        For a NaN or an infinity.
    """
    try:
        return _ENCODER.encode(_ordinary(obj)).encode()
    except (TypeError, ValueError):
        _check(obj, "value")
        raise


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def _ordinary(obj: Any) -> Any:
    """Copy containers for the encoder, which lacks mappings and converts keys to text."""
    kind = type(obj)
    if kind is str or kind is float or kind is int:
        return obj
    if kind is dict or isinstance(obj, Mapping):
        for key in obj:
            if not isinstance(key, str):
                raise TypeError("keys must be str")
        return {key: _ordinary(item) for key, item in obj.items()}
    if isinstance(obj, list | tuple):
        return [_ordinary(item) for item in obj]
    return obj


def _check(obj: Any, where: str) -> None:
    if isinstance(obj, Mapping):
        for key, item in obj.items():
            if not isinstance(key, str):
                raise TypeError(f"{where}: mapping keys must be str, received {key!r}")
            _check(item, f"{where}.{key}")
    elif isinstance(obj, list | tuple):
        for index, item in enumerate(obj):
            _check(item, f"{where}[{index}]")
    elif isinstance(obj, float) and not math.isfinite(obj):
        raise ValueError(f"{where}: {obj} is not finite")
    elif obj is not None and not isinstance(obj, bool | int | float | str):
        raise TypeError(f"{where}: {type(obj).__name__} has no canonical text; pass plain values")


def checksum(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def digest(obj: Any) -> str:
    """Return the first 32 hexadecimal digits (128 bits) of the SHA-256 of ``canonical(obj)``."""
    return checksum(canonical(obj))[:_KEY_LENGTH]


def part_key(
    stage: str, version: str, settings: Mapping[str, Any], inputs: Mapping[str, str]
) -> str:
    """Return the key of a stage's result: it changes if and only if the result may change.

    Parameters
    ----------
    stage : str
        Name of the stage.
    version : str
        Version of the stage's code; raise it whenever the same inputs give other numbers.
    settings : Mapping
        The stage's own settings, defaults included.
    inputs : Mapping of str to str
        Role of each input ("t1w", "mask") and its part key or checksum.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    return digest({"stage": stage, "version": version, "settings": settings, "inputs": inputs})
