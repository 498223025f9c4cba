"""Small copies of pictures, so that a page with many stays light."""

from __future__ import annotations

import io

from PIL import Image


def halved(png: bytes) -> bytes:
    """Scale a PNG to half its width and height, each pixel the mean of four."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    size = (picture.width // 2, picture.height // 2)
    out = io.BytesIO()
    picture.resize(size, Image.Resampling.BOX).save(out, format="PNG")
    return out.getvalue()


def thumbnail(png: bytes, width_px: int, colours: int) -> bytes:
    """Scale a PNG down to a width and to a palette; the same bytes in give the same out.

    Parameters
    ----------
    png : bytes
    width_px : int
        Pictures that are narrower keep their size.
    colours : int
        Size of the palette, at most 256.
    """
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    if picture.width > width_px:
        height = max(1, round(picture.height * width_px / picture.width))
        picture = picture.resize((width_px, height), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    palette = picture.quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette.save(out, format="PNG", optimize=True)
    return out.getvalue()
