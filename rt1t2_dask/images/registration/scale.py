"""Rescale intensities for programs with absolute thresholds."""

from __future__ import annotations

import numpy as np

from rt1t2_dask.images.volume import Volume

_TOP = 10  # the largest magnitude comes to lie in [512, 1024)


def typical(image: Volume) -> Volume:
    """Scale an image by a power of two, so that its largest magnitude lies in [512, 1024).

    Parameters
    ----------
    image : Volume
        Finite; masks and blank images are returned unchanged.

    Notes
    -----
    A power of two changes no digit of a float: images that differ by such a factor give the same
    bytes. greedy's correlation has an absolute floor: at 1e-5 of usual intensities its result
    differed.
    """
    largest = float(np.abs(image.data).max(initial=0)) if image.data.dtype != np.bool_ else 0.0
    if largest == 0:
        return image
    exponent = int(np.frexp(largest)[1])
    return image.with_data(np.ldexp(image.data.astype(np.float32), _TOP - exponent))
