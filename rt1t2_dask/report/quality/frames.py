"""Frames: planes of an image as a small picture, to be compared with another image's."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rt1t2_dask.report.figures.mosaic import Strip, paint

QUALITY = 85
_MARK, _MARK_PX = "SIMULATED DATA", 13


def frame(strip: Strip, simulated: bool) -> bytes:
    """Paint a strip as a grey JPEG, a pixel a millimetre.

    Parameters
    ----------
    strip : Strip
        Without outlines: they would be grey too.
    simulated : bool
        The frame is then marked.
    """
    grey = np.rint(255 * paint(strip).image[::-1, :, 0]).astype(np.uint8)
    drawn = Image.fromarray(grey)
    if simulated:
        _mark(drawn)
    out = io.BytesIO()
    drawn.save(out, format="JPEG", quality=QUALITY)
    return out.getvalue()


def _mark(drawn: Image.Image) -> None:
    font = ImageFont.load_default(_MARK_PX)
    pen = ImageDraw.Draw(drawn)
    left, top, right, bottom = pen.textbbox((4, 3), _MARK, font=font)
    pen.rectangle((left - 3, top - 2, right + 3, bottom + 2), fill=255)
    pen.text((4, 3), _MARK, font=font, fill=0)
