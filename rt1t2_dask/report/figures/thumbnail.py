"""Thumbnails, which keep the page small."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

Colour = tuple[int, int, int]


def halved(png: bytes) -> bytes:
    """Downscale a PNG by half, each pixel the mean of four."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    size = (picture.width // 2, picture.height // 2)
    out = io.BytesIO()
    picture.resize(size, Image.Resampling.BOX).save(out, format="PNG")
    return out.getvalue()


def thumbnail(drawn: Image.Image, width_px: int, palette: Sequence[Colour]) -> bytes:
    """Downscale a picture to a width and a palette, as deterministic PNG.

    Parameters
    ----------
    drawn : Image
    width_px : int
        Narrower pictures keep their size.
    palette : sequence of (int, int, int)
        Red, green and blue, 0 to 255; at most 256. Fixed, since the rare colours of thin outlines
        would be lost in an adaptive palette.
    """
    picture = drawn.convert("RGB")
    if picture.width > width_px:
        height = max(1, round(picture.height * width_px / picture.width))
        picture = picture.resize((width_px, height), Image.Resampling.LANCZOS)
    known = Image.new("P", (1, 1))
    known.putpalette([value for colour in palette for value in colour])
    out = io.BytesIO()
    picture.quantize(palette=known, dither=Image.Dither.NONE).save(out, format="PNG")
    return out.getvalue()
