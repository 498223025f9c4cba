"""What is known of a scan: its own header before sidecars, near sidecars before far ones."""

from __future__ import annotations

import json

from rt1t2_dask.pipelines.calibration.acquisition import scan_facts
from rt1t2_dask.pipelines.engine.task import InputFile

T1W = "sub-1/anat/sub-1_T1w.nii.gz"


def write(root, **sidecars: dict[str, object]) -> None:
    for place, said in sidecars.items():
        path = root / {"top": "T1w.json", "own": "sub-1/anat/sub-1_T1w.json"}[place]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(said))


def facts(root, **files: InputFile):
    return scan_facts(files or {"t1w": InputFile(str(root), T1W, "")}, {})


def test_the_nearer_sidecar_goes_before(tmp_path):
    write(tmp_path, top={"EchoTime": 0.003, "FlipAngle": 9}, own={"EchoTime": 0.004})
    found = facts(tmp_path)
    assert found["t1w.EchoTime"] == 0.004
    assert found["t1w.FlipAngle"] == 9


def test_a_header_that_was_read_goes_before_all_sidecars(tmp_path):
    write(tmp_path, own={"EchoTime": 0.004})
    read = InputFile(str(tmp_path), T1W, "", acquired={"EchoTime": 0.005})
    assert facts(tmp_path, t1w=read) == {"t1w.EchoTime": 0.005}


def test_a_series_of_dicom_has_no_sidecar_and_other_roles_are_no_scan(tmp_path):
    write(tmp_path, own={"EchoTime": 0.004})
    series = InputFile(str(tmp_path), T1W, "", members=("a", "b"))
    assert facts(tmp_path, t1w=series) == {}
    assert facts(tmp_path, lesion=InputFile(str(tmp_path), T1W, "")) == {}


def test_a_raw_t2w_speaks_for_the_t2w(tmp_path):
    raw = InputFile(str(tmp_path), T1W, "", acquired={"EchoTime": 0.4})
    assert facts(tmp_path, t2w_raw=raw) == {"t2w.EchoTime": 0.4}


def test_a_folder_is_listed_once_for_everybody(tmp_path):
    write(tmp_path, top={"EchoTime": 0.003})
    (tmp_path / "sub-1" / "anat").mkdir(parents=True)
    listings: dict[str, list[str]] = {}
    first = scan_facts({"t1w": InputFile(str(tmp_path), T1W, "")}, listings)
    (tmp_path / "T1w.json").rename(tmp_path / "gone.json")
    assert len(listings) == 3
    assert first == {"t1w.EchoTime": 0.003}
