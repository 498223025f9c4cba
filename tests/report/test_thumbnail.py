"""A small copy keeps the colours that it is told of, however rare."""

import io

import numpy as np
from PIL import Image

from rt1t2_dask.report.figures.mosaic import palette
from rt1t2_dask.report.figures.thumbnail import thumbnail

VERMILLION = (213, 94, 0)  # of Okabe and Ito: a lesion's outline


def test_the_outline_of_a_lesion_keeps_its_colour():
    rng = np.random.default_rng(1)
    grey = rng.integers(0, 255, (200, 300, 1), dtype=np.uint8).repeat(3, axis=2)
    grey[100, 50:60] = VERMILLION
    png = thumbnail(Image.fromarray(grey), 300, palette())
    small = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    assert small.shape == (200, 300, 3)
    np.testing.assert_allclose(small[100, 50:60].astype(int), [VERMILLION] * 10, atol=8)
    assert np.abs(small.astype(int) - grey)[:99].max() <= 12


def test_no_more_colours_than_a_png_takes():
    assert 64 < len(set(palette())) == len(palette()) <= 256
