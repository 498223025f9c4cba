"""DICOM: geometry against truth, the choice of series, damaged files, nothing of the patient."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
from dicom_writer import SECRETS, T1W, T2W, write_enhanced, write_series

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.dicom.headers import Header, read_header
from rt1t2_dask.images.dicom.read import convert
from rt1t2_dask.images.dicom.series import choose, contrast_of, sort_series
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.transform import compose, rotation, translation
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.people.inputs import find_inputs
from rt1t2_dask.pipelines.people.table import read_people

pydicom = pytest.importorskip("pydicom", reason="the extra `dicom` is not installed")
pytest.importorskip("dcm2niix", reason="the extra `dicom` is not installed")

SAGITTAL = np.array([[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]])


def volume(pose=None, size=(1.0, 1.0, 1.0), shape=(20, 24, 12), seed=0) -> Volume:
    rng = np.random.default_rng(seed)
    affine = compose(np.diag([*size, 1.0]), np.eye(4) if pose is None else pose)
    return Volume(rng.integers(0, 4000, shape).astype(np.float32), affine)


@pytest.mark.parametrize(
    ("pose", "size"),
    [
        (translation((-90.0, -120.0, -60.0)), (1.0, 1.0, 1.0)),
        (SAGITTAL, (0.9, 0.9, 1.2)),
        (compose(rotation((12, -7, 25)), translation((30.0, -11.0, 5.0))), (0.5, 0.5, 5.0)),
        (compose(SAGITTAL, rotation((-20, 33, 8)), translation((0.0, 80.0, 5.0))), (1.0, 1.0, 1.0)),
    ],
)
def test_voxels_lie_where_the_scanner_put_them(pose, size, tmp_path):
    truth = volume(pose, size)
    paths = write_series(tmp_path, truth, 3, T1W)
    made = convert([p.read_bytes() for p in reversed(paths)], "T1w", 12).volume
    np.testing.assert_array_equal(to_grid(made, truth.grid, order=0, outside=-1).data, truth.data)
    assert sorted(made.data.shape) == sorted(truth.data.shape)
    # Corners to a hundredth of a millimetre, whatever way round the axes are stored.
    corners = [
        {tuple(np.round(v.affine @ [i, j, k, 1], 2)[:3]) for i in (0, v.data.shape[0] - 1)
         for j in (0, v.data.shape[1] - 1) for k in (0, v.data.shape[2] - 1)}
        for v in (truth, made)
    ]  # fmt: skip
    np.testing.assert_allclose(sorted(corners[0]), sorted(corners[1]), atol=0.011)


def test_an_echo_time_that_jitters_is_one(tmp_path):
    truth = volume()
    paths = write_series(tmp_path, truth, 3, T1W)
    for path in paths[::2]:
        file = pydicom.dcmread(path)
        file.EchoTime = float(file.EchoTime) + 0.001
        file.save_as(path)
    [series] = sort_series(headers(tmp_path))
    assert series.slices == 12
    content = [path.read_bytes() for path in paths]
    made = convert(content, "T1w", 12, series.header.echo_ms).volume
    np.testing.assert_array_equal(to_grid(made, truth.grid, order=0, outside=-1).data, truth.data)


def headers(folder: Path):
    return {k: read_header(p.read_bytes()) for k, p in enumerate(sorted(folder.rglob("*.dcm")))}


OTHERS = {
    "flair": {"ScanningSequence": ["SE", "IR"], "EchoTime": 100.0, "RepetitionTime": 9000.0,
              "InversionTime": 2500.0, "SeriesDescription": "t2_flair_3d"},
    "flair_2d": {"ScanningSequence": ["SE", "IR"], "EchoTime": 120.0, "RepetitionTime": 8000.0,
                 "SeriesDescription": "dark fluid"},
    "b0": {"ScanningSequence": ["EP", "SE"], "EchoTime": 80.0, "RepetitionTime": 5000.0,
           "SeriesDescription": "ep2d"},
    "t2star": {"ScanningSequence": "GR", "EchoTime": 25.0, "RepetitionTime": 3000.0,
               "SeriesDescription": "t2s"},
    "density": {"ScanningSequence": "SE", "EchoTime": 15.0, "RepetitionTime": 4000.0,
                "SeriesDescription": "proton"},
    "localizer": {**T1W, "SeriesDescription": "AAHead_Scout"},
    "projection": {**T1W, "ImageType": ["DERIVED", "SECONDARY", "MPR"]},
    "phase": {**T1W, "ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]},
}  # fmt: skip


def test_t1w_and_t2w_are_told_by_how_they_were_made(tmp_path):
    for number, (name, tags) in enumerate(OTHERS.items(), start=10):
        write_series(tmp_path / name, volume(), number, tags)
    write_series(tmp_path / "deep" / "t1", volume(), 2, {**T1W, "SeriesDescription": "A"})
    write_series(tmp_path / "deep" / "t2", volume(), 5, {**T2W, "SeriesDescription": "B"})
    series = sort_series(headers(tmp_path))
    found = {s.header.description: contrast_of(s) for s in series}
    assert {d: c for d, c in found.items() if c} == {"A": "T1w", "B": "T2w"}
    assert choose(series, "T1w", None).series.header.number == 2
    assert "1 of 10 series" in choose(series, "T2w", None).reason
    assert choose(series, "T2w", "*FLAIR*").series.header.number == 10
    assert choose(series, "T1w", "14").series.header.description == "proton"


def test_two_that_fit_are_refused_with_what_tells_them_apart(tmp_path):
    write_series(tmp_path / "a", volume(), 3, T1W)
    write_series(tmp_path / "b", volume(), 7, {**T1W, "SeriesDescription": "t1_mprage_ND"})
    with pytest.raises(SubjectError) as caught:
        choose(sort_series(headers(tmp_path)), "T1w", None)
    text = str(caught.value)
    assert "series 3 (t1_mprage_sag; TE 2.98, TR 2300, TI 900 ms; 12 slices)" in text
    assert "series 7 (t1_mprage_ND" in text
    assert "source.t1w_series" in text


@pytest.mark.parametrize(
    "how", [{"ContrastBolusAgent": "Gadovist"}, {"SeriesDescription": "t1_mprage_+C"}]
)
def test_contrast_agent_is_left_out(how, tmp_path):
    write_series(tmp_path / "a", volume(), 3, T1W)
    write_series(tmp_path / "b", volume(), 9, {**T1W, **how})
    assert choose(sort_series(headers(tmp_path)), "T1w", None).series.header.number == 3


@pytest.fixture
def hospital(tmp_path):
    """Four people, T1w and T2w in one folder each, one below another."""
    root = tmp_path / "bids"
    for i in range(4):
        where = root / f"sub-{i:02d}" / "Testpatient_Johanna_19611224"
        write_series(where, volume(seed=i), 2, T1W)
        write_series(where / "more", volume(seed=10 + i), 5, T2W)
    rows = "".join(f"sub-{i:02d}\t{'PPCC'[i]}\n" for i in range(4))
    (root / "participants.tsv").write_text("participant_id\tgroup\n" + rows)
    return root


def found(config):
    return find_inputs(config, read_people(config))


def test_everybodys_series_are_found_and_named_without_the_patient(hospital, configure):
    files = found(configure(source="dicom")).files
    assert len(files) == 4
    t1w = files["sub-01"]["t1w"]
    assert t1w.path == "series 2 (t1_mprage_sag)"
    assert len(t1w.members) == t1w.slices == 12
    assert "1 of 2 series: T1w by sequence and times" in t1w.chosen
    made = convert(t1w.read_members(), "T1w", t1w.slices).volume
    assert np.array_equal(np.sort(made.data.ravel()), np.sort(volume(seed=1).data.ravel()))


def test_bad_series_are_the_persons_failure(hospital, configure):
    first, second, third = (sorted((hospital / f"sub-0{i}").rglob("*.dcm")) for i in range(3))
    first[0].write_bytes(b"garbage")
    second[4].unlink()
    shutil.rmtree(hospital / "sub-02" / "Testpatient_Johanna_19611224" / "more")
    shutil.rmtree(hospital / "sub-03")
    reasons = found_reasons(hospital, configure)
    assert "1 of 24 files in sub-00 cannot be read" in reasons["sub-00"]
    assert "is missing slices: steps of 1 mm and one of 2 mm" in reasons["sub-01"]
    assert "none of 1 series is a T2w" in reasons["sub-02"]
    assert "there is no MR image in sub-03" in reasons["sub-03"]
    assert not any(secret.decode() in text for secret in SECRETS for text in reasons.values())
    assert third


def found_reasons(hospital, configure):
    """One more person keeps the study alive."""
    shutil.copytree(hospital / "sub-02", hospital / "sub-04")
    for path in (hospital / "sub-04").rglob("*.dcm"):
        path.unlink()
    write_series(hospital / "sub-04", volume(seed=40), 2, T1W)
    write_series(hospital / "sub-04", volume(seed=41), 5, T2W)
    table = hospital / "participants.tsv"
    table.write_text(table.read_text() + "sub-04\tC\n")
    return found(configure(source="dicom")).reasons


def test_truncated_pixels_are_refused_without_the_patients_name(tmp_path):
    contents = [p.read_bytes() for p in write_series(tmp_path, volume(), 3, T1W)]
    contents[5] = contents[5][:-400]
    with pytest.raises(ValueError, match=r"^ValueError$"):
        read_header(contents[5])
    with pytest.raises(SubjectError) as caught:
        convert(contents, "T1w", 12)
    assert not any(secret.decode() in str(caught.value) for secret in SECRETS)


def everything(folder: Path) -> bytes:
    """Every byte below a folder, names too, gzip undone."""
    parts = []
    for path in folder.rglob("*"):
        parts.append(str(path.relative_to(folder)).encode())
        if path.is_file():
            content = path.read_bytes()
            parts.append(gzip.decompress(content) if path.suffix == ".gz" else content)
    return b"\n".join(parts)


@pytest.mark.heavy
def test_nothing_of_the_patient_reaches_the_lake_the_log_or_the_output(
    tmp_path, studies, monkeypatch, capfd
):
    from rt1t2_dask.cli.command_line import command
    from rt1t2_dask.pipelines.people.simulated import template_head
    from rt1t2_dask.simulate.cohort import GroupSpec, simulate_participant

    monkeypatch.delenv("RT1T2_DEBUG", raising=False)
    root = tmp_path / "bids"
    spec = GroupSpec("X", 1, 60, 5, 0)
    person = simulate_participant(template_head(), "sub-X", spec, seed=1, voxel_mm=4.0, effects=())
    for i in range(4):
        folder = root / f"sub-{i:02d}" / "Testpatient_Johanna"
        for number, image, tags in ((2, person.t1w, T1W), (5, person.t2w, T2W)):
            scaled = image.with_data(np.clip(image.data * (8 + i), 0, 65535))
            paths = write_series(folder / str(number), scaled, number, tags)
        # A compressed slice of the T2w is cut short: found on the worker, not in the plan.
        made = pydicom.dcmread(paths[9])
        made.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
        made.save_as(paths[9])
        paths[9].write_bytes(paths[9].read_bytes()[:-300])
    rows = "".join(f"sub-{i:02d}\t{'PPCC'[i]}\n" for i in range(4))
    (root / "participants.tsv").write_text("participant_id\tgroup\n" + rows)
    words = ["--config-dir", studies, "+cohort=mine", "source=dicom", f"source.root={root}",
             f"storage.url={tmp_path / 'lake'}", f"output_dir={tmp_path / 'out'}",
             "cluster=synchronous", "template.voxel_mm=4"]  # fmt: skip
    assert command(words) == 1
    failures = (tmp_path / "out" / "failures.tsv").read_text().splitlines()
    assert len(failures) == 5
    assert all("T2w" in line and "cohort.exclude" in line for line in failures[1:])
    said = capfd.readouterr()
    left = everything(tmp_path / "out") + everything(tmp_path / "lake")
    left += (said.out + said.err).encode()
    assert not [secret for secret in SECRETS if secret in left]


def test_an_enhanced_image_of_all_slices_is_read(tmp_path):
    pose = compose(rotation((12, -7, 25)), translation((30.0, -11.0, 5.0)))
    truth = volume(pose, (0.9, 0.9, 1.5))
    write_enhanced(tmp_path / "one.dcm", truth, 4, "space")
    (series,) = sort_series(headers(tmp_path))
    assert contrast_of(series) == "T2w"
    assert series.describe() == "series 4 (space; TE 408, TR 3200 ms; 12 slices)"
    made = convert([(tmp_path / "one.dcm").read_bytes()], "T2w", series.slices).volume
    np.testing.assert_array_equal(to_grid(made, truth.grid, order=0, outside=-1).data, truth.data)


def test_headers_tell_protocols_apart_as_sidecars_do(tmp_path):
    paths = write_series(tmp_path, volume(), 3, T1W | {"FlipAngle": 9.0})
    header = read_header(paths[0].read_bytes())
    assert isinstance(header, Header)
    assert dict(header.acquired) == {
        "Manufacturer": "SIEMENS", "MRAcquisitionType": "3D", "ScanningSequence": "GR IR",
        "RepetitionTime": 2.3, "EchoTime": 0.00298, "InversionTime": 0.9, "FlipAngle": 9.0,
    }  # fmt: skip
