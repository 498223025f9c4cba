"""Read JSON that others wrote: whatever is wrong with it is a ValueError."""

from __future__ import annotations

import codecs
import json
import re
from typing import Any

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def parsed(content: bytes | str) -> Any:
    """Return the value of a JSON document.

    Parameters
    ----------
    content : bytes or str
        UTF-8, with its mark or not, or UTF-16 with its mark.

    Raises
    ------
    ValueError
        It is not text or not JSON, is nested too deeply to be read, holds an integer of thousands
        of digits, or half a character (a lone surrogate), which no file could be written with.
    """
    text = content if isinstance(content, str) else _decoded(content)
    try:
        found = json.loads(text)
        if _HALF.search(text):
            json.dumps(found, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return found


def parsed_object(content: bytes | str) -> dict[str, Any]:
    """Return the value of a JSON document that is an object; raises as `parsed`, and if it is none.

    ValueError where it is no object.
    """
    found = parsed(content)
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")
    return found


def _decoded(content: bytes) -> str:
    return content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig")
