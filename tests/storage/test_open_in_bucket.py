"""A study whose output folder and lake lie in a bucket opens as from a disk."""

import pytest
import xarray as xr

from rt1t2_dask import open_study
from rt1t2_dask.errors import UserError
from rt1t2_dask.storage.stores import open_store

pytestmark = pytest.mark.cloud


def copied(folder, url, options, names):
    """Copy some files of a folder into a bucket."""
    here, there = open_store(str(folder)), open_store(url, options)
    for path in here.list():
        if path.startswith(names):
            there.write(path, here.read(path))


def test_a_study_in_a_bucket(finished_maps, bucket_url, s3_options):
    out, lake = f"{bucket_url}/out", f"{bucket_url}/lake"
    tables = ("provenance.json", "participants.tsv", "group/parcels", "group/quality", "atlas")
    copied(finished_maps / "out", out, s3_options, (*tables, "report.html"))
    copied(finished_maps / "lake", lake, s3_options, ("parts/smooth", "runs"))
    here = open_study(finished_maps / "out")
    for study in (
        open_study(out, lake=lake, **s3_options),
        open_study(lake, cohort="small", **s3_options),
    ):
        xr.testing.assert_identical(study.maps()["smoothed"].variable.load(), _smoothed(here))
        xr.testing.assert_identical(study.regions, here.regions)
    assert open_study(out, **s3_options).report == f"{out}/report.html"
    with pytest.raises(UserError, match="no such bucket"):
        open_study("s3://nowhere-at-all/out", **s3_options)


def _smoothed(study):
    return study.maps()["smoothed"].variable.load()
