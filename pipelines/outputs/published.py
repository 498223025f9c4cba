"""A finished study as one dataset for others: maps, regions and contrasts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import dask.array as da
import xarray as xr

from rt1t2_dask import __version__
from rt1t2_dask.pipelines.opened.maps import Opened
from rt1t2_dask.pipelines.opened.people import free_name
from rt1t2_dask.pipelines.opened.study import Study
from rt1t2_dask.storage.cohort import Cohort
from rt1t2_dask.storage.published import Layer, Publication
from rt1t2_dask.storage.shards import PARTICIPANT

VARIABLES = {
    "ratio": {"ratio": "ratio", "lesion_template": "lesion"},
    "smooth": {"smoothed": "smoothed"},
}
"""By stage, the arrays that are published, and their names there."""
NO_KEY = "0" * 32
UNFIT = re.compile(r"[\s/\\]|^\.+|^__")
ABOUT = ("space", "affine", "units", "simulated")


def publication(study: Study, run: str) -> Publication:
    """Describe the dataset of a study.

    Parameters
    ----------
    study : Study
        Opened in its lake.
    run : str
        Name of the run.

    Raises
    ------
    UserError
        The study has nobody's maps.
    """
    smooth = study.maps("smooth")
    labels = smooth[PARTICIPANT].to_numpy().tolist()
    volumes: dict[str, xr.Variable] = {}
    layers: dict[str, Layer] = {}
    for stage in (stage for stage in VARIABLES if study.has_maps(stage)):
        opened = study.volumes(stage)
        own = {n: name for n, name in VARIABLES[stage].items() if n in opened.examples}
        volumes |= {name: _empty(opened.dataset[n], len(labels)) for n, name in own.items()}
        layers |= {name: _layer(study, opened, n, labels) for n, name in own.items()}
    return Publication(
        dataset=_with_names(_frame(study, smooth, volumes, run)),
        layers=layers,
        groups={f"contrasts/{name}": one.maps for name, one in study.contrasts.items() if one.keys},
    )


def _empty(array: xr.DataArray, people: int) -> xr.Variable:
    """Return an array of everybody's shape that is never computed."""
    shape = (people, *array.shape[1:])
    return xr.Variable(array.dims, da.zeros(shape, dtype=array.dtype, chunks=-1), array.attrs)


def _layer(study: Study, opened: Opened, name: str, labels: Sequence[str]) -> Layer:
    """Return where a map's values are; whoever has none in the lake is empty there."""
    keys = opened.dataset["part"].to_series().reindex(list(labels)).fillna(NO_KEY)
    cohort = Cohort(opened.cohort.lake, opened.cohort.stage, bytes.fromhex("".join(keys)))
    ratio = opened.dataset[name].dtype.kind == "f"
    gain = study.gains(labels) if ratio else None
    factors = () if gain is None else tuple(gain.tolist())
    return Layer(name, cohort, labels.index(opened.labels[opened.examples[name]]), factors)


def _frame(
    study: Study, smooth: xr.Dataset, volumes: Mapping[str, xr.Variable], run: str
) -> xr.Dataset:
    """Return coordinates, regions and attributes round the volumes."""
    means = study.regions.reindex({PARTICIPANT: smooth[PARTICIPANT]})
    beside = [name for name in means.coords if name not in ("region", "label", PARTICIPANT)]
    coords = {name: c.variable for name, c in smooth.coords.items() if name != "part"}
    about = {name: smooth.attrs[name] for name in ABOUT if name in smooth.attrs}
    about |= {
        "title": f"T1w/T2w ratio of cohort {study.cohort}",
        "cohort": study.cohort,
        "run": run,
        "made_by": f"rt1t2_dask {__version__}",
    }
    frame = xr.Dataset(dict(volumes), coords=coords, attrs=about)
    return frame.assign(regions=means.drop_vars(beside))


def _with_names(dataset: xr.Dataset) -> xr.Dataset:
    """Return columns under names that arrays of zarr can have, each its own."""
    names = [str(name) for name in dataset.coords]
    own = {*names, *map(str, dataset)}
    renamed: dict[str, str] = {}
    for name in names:
        tidy = UNFIT.sub("_", name)
        if tidy != name:
            renamed[name] = free_name(tidy, own)
            own.add(renamed[name])
    return dataset.rename(renamed)
