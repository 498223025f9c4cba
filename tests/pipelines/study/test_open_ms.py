"""Two real people with MS (open_ms, clinical 2-D scans) reach maps, means and a report."""

from __future__ import annotations

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from rt1t2_dask.cli.command_line import command

pytestmark = [pytest.mark.heavy, pytest.mark.assets]

COHORT = """
name: open_ms
groups: {first: A, second: B}
reference: second
contrasts: {firstVsSecond: [first, second]}
"""


@pytest.fixture
def dataset(shared, tmp_path) -> Path:
    scans = shared / "scans" / "open_ms"
    if not scans.is_dir():
        pytest.skip("the open_ms scans are not beside the assets")
    for who in ("01", "04"):
        anat = tmp_path / "bids" / f"sub-{who}" / "anat"
        anat.mkdir(parents=True)
        for suffix in ("T1w", "T2w"):
            source = scans / f"patient{who}" / f"study1_{suffix.upper()}.nii.gz"
            shutil.copy(source, anat / f"sub-{who}_{suffix}.nii.gz")
    rows = "participant_id\tgroup\tage\tsex\nsub-01\tA\t20\tF\nsub-04\tB\t33\tF\n"
    (tmp_path / "bids" / "participants.tsv").write_text(rows)
    (tmp_path / "studies" / "cohort").mkdir(parents=True)
    (tmp_path / "studies" / "cohort" / "open_ms.yaml").write_text(COHORT)
    return tmp_path


def test_real_scans_reach_maps_and_a_reason_for_no_contrast(dataset):
    words = [
        "--config-dir", str(dataset / "studies"), "+cohort=open_ms", "source=bids",
        f"source.root={dataset / 'bids'}", f"storage.url={dataset / 'lake'}",
        f"output_dir={dataset / 'out'}", "template.voxel_mm=2", "resample.voxel_mm=2",
        "cluster=local", "cluster.workers=2", "report.dpi=72", "report.svg=false",
    ]  # fmt: skip
    assert command(words) == 0
    out = dataset / "out"
    parcels = pd.read_csv(out / "group" / "parcels.tsv", sep="\t", na_values="n/a")
    assert parcels["participant_id"].tolist() == ["sub-01", "sub-04"]
    values = parcels.drop(columns="participant_id").to_numpy()
    assert np.isfinite(values).mean() > 0.95
    for who in ("01", "04"):
        name = f"sub-{who}_space-MNI152NLin2009aSym_desc-ratio_T1wT2wratio.nii.gz"
        ratio = nib.load(out / f"sub-{who}" / "anat" / name).get_fdata()
        assert np.isfinite(ratio).sum() * 8 > 1.3e6
        assert np.nanmin(ratio) > 0
    page = (out / "report.html").read_text()
    assert "No contrast firstVsSecond: there are 1 in first and 1 in second" in page
    assert "SIMULATED DATA" not in page
    assert not list((out / "group").glob("contrast-*"))
