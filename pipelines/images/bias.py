"""Stage `bias`: bias-corrected images."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rt1t2_dask.images.bias import Bias, correct
from rt1t2_dask.images.brain.foreground import bright_head, foreground
from rt1t2_dask.images.brain.lesion import on_grid
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.engine.task import Inputs, Made
from rt1t2_dask.pipelines.engine.volumes import to_array


def make(inputs: Inputs) -> Made:
    """Divide both images by their bias fields, where that was not done before."""
    t1w, t2w = inputs.volume("ingest", "t1w"), inputs.volume("ingest", "t2w")
    lesion = inputs.optional_volume("ingest", "lesion")
    to_t1w = np.linalg.inv(inputs.array("coregister", "rigid"))
    done = inputs.record("ingest")["bias_corrected"]
    t1w_bias = _flat(t1w) if "t1w" in done else correct(t1w, _weight(foreground(t1w), t1w, lesion))
    t2w_bias = (
        _flat(t2w)
        if "t2w" in done
        else correct(t2w, _weight(bright_head(t2w), t2w, lesion, to_t1w), fwhm=None)
    )
    arrays = {
        "t1w_corrected": to_array("t1w_corrected", t1w_bias.corrected),
        "t2w_corrected": to_array("t2w_corrected", t2w_bias.corrected),
    }
    source = inputs.optional_volume("ingest", "t1w_source")
    if source is not None:
        field = to_grid(t1w_bias.field, source.grid, order=1, outside=1.0)
        corrected = source.with_data((source.data / field.data).astype(np.float32))
        arrays["t1w_source_corrected"] = to_array("t1w_source_corrected", corrected)
    record = {"t1w_field_range": _range(t1w_bias.field), "t2w_field_range": _range(t2w_bias.field)}
    return Made(xr.Dataset(arrays), record)


def _flat(image: Volume) -> Bias:
    """Return an image that is already corrected unchanged."""
    return Bias(image, image.with_data(np.ones(image.data.shape, dtype=np.float32)))


def _weight(
    head: NDArray[np.bool_],
    image: Volume,
    lesion: Volume | None,
    to_t1w: NDArray[np.float64] | None = None,
) -> NDArray[np.bool_]:
    """Return the fitting mask: the head without the lesion."""
    if lesion is None:
        return head
    carried = on_grid(lesion.with_data(lesion.data > 0), image.grid, rigid=to_t1w)
    return np.asarray(head & ~carried)


def _range(field: Volume) -> list[float]:
    return [float(field.data.min()), float(field.data.max())]
