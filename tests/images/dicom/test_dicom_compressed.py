"""DICOM as archives compress it, converted for real; rescales that move intensities below 0."""

from __future__ import annotations

import copy
import io
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the name its own manual uses
from dicom_writer import SECRETS, T1W, T2W, write_enhanced, write_series

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.dicom.headers import Header, read_header
from rt1t2_dask.images.dicom.read import Converted, convert
from rt1t2_dask.images.dicom.series import contrast_of, sort_series
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.volume import Volume

pydicom = pytest.importorskip("pydicom", reason="the extra `dicom` is not installed")
pytest.importorskip("dcm2niix", reason="the extra `dicom` is not installed")

TRUTH = Volume(
    np.random.default_rng(0).integers(0, 4000, (20, 24, 12)).astype(np.float32), np.eye(4)
)


def files(folder: Path, **tags: object) -> list[bytes]:
    return [path.read_bytes() for path in write_series(folder, TRUTH, 3, {**T1W, **tags})]


def converted(contents: list[bytes]) -> Converted:
    return convert(contents, "T1w", 12)


def by_gdcm(content: bytes, compressor: str, folder: Path) -> bytes:
    """Compress the pixels of a file by GDCM, which shares no code with dcm2niix's decoders."""
    made = pydicom.dcmread(io.BytesIO(content))
    writer = sitk.ImageFileWriter()
    writer.SetImageIO("GDCMImageIO")
    writer.SetFileName(str(folder / "one.dcm"))
    writer.SetUseCompression(True)
    writer.SetCompressor(compressor)
    writer.Execute(sitk.GetImageFromArray(made.pixel_array))
    small = pydicom.dcmread(folder / "one.dcm")
    made.file_meta.TransferSyntaxUID = small.file_meta.TransferSyntaxUID
    made.PixelData = small.PixelData
    made["PixelData"].is_undefined_length = True
    return written(made)


def by_rle(content: bytes, folder: Path) -> bytes:
    made = pydicom.dcmread(io.BytesIO(content))
    made.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
    return written(made)


def written(made: object) -> bytes:
    content = io.BytesIO()
    made.save_as(content)
    return content.getvalue()


WAYS = {
    "JPEG 2000 lossless": lambda c, folder: by_gdcm(c, "JPEG2000", folder),
    "JPEG lossless": lambda c, folder: by_gdcm(c, "JPEG", folder),
    "RLE": by_rle,
}


@pytest.mark.parametrize("way", WAYS)
def test_compressed_pixels_come_back_as_they_were(way, tmp_path):
    plain = files(tmp_path / "a")
    small = [WAYS[way](content, tmp_path) for content in plain]
    assert all(isinstance(read_header(content), Header) for content in small)
    assert small[0] != plain[0]
    back = converted(small).volume
    np.testing.assert_array_equal(to_grid(back, TRUTH.grid, order=0, outside=-1).data, TRUTH.data)


def test_damaged_compressed_pixels_are_one_line(tmp_path):
    small = [WAYS["JPEG 2000 lossless"](content, tmp_path) for content in files(tmp_path / "a")]
    small[5] = small[5][:-200]
    with pytest.raises(
        SubjectError, match=r"compressed \(JPEG 2000 lossless\), or damaged"
    ) as caught:
        converted(small)
    assert "\n" not in str(caught.value)
    assert not any(secret.decode() in str(caught.value) for secret in SECRETS)


def test_a_compression_that_cannot_be_read_is_named_with_what_to_install(tmp_path):
    deflated = []
    for content in files(tmp_path / "a"):
        made = pydicom.dcmread(io.BytesIO(content))
        made.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
        deflated.append(written(made))
    assert isinstance(read_header(deflated[0]), Header)
    with pytest.raises(SubjectError, match=r"compressed \(deflated\).*pip install.*dcm2niix"):
        converted(deflated)


@pytest.mark.parametrize("tags", [
    {"RescaleIntercept": -1024, "RescaleSlope": 1},
    {"RescaleIntercept": -300, "RescaleSlope": 1, "Manufacturer": "Philips"},
    {"RescaleIntercept": -4096, "RescaleSlope": 2.5},
])  # fmt: skip
def test_a_rescale_below_zero_is_taken_off_and_recorded(tags, tmp_path):
    found = converted(files(tmp_path, **tags))
    expected = TRUTH.data * tags["RescaleSlope"]
    back = to_grid(found.volume, TRUTH.grid, order=0, outside=-1)
    np.testing.assert_allclose(back.data, expected, atol=1e-3)
    assert found.notes == (
        f"{-tags['RescaleIntercept']:g} was added to intensities: the DICOM rescale intercept "
        f"had shifted them to {tags['RescaleIntercept']:g}",
    )


@pytest.mark.parametrize("tags", [
    {}, {"RescaleIntercept": 0, "RescaleSlope": 0.37}, {"PixelRepresentation": 1},
])  # fmt: skip
def test_other_intensities_are_left_as_they_are(tags, tmp_path):
    found = converted(files(tmp_path, **tags))
    expected = TRUTH.data * np.float32(tags.get("RescaleSlope", 1))
    back = to_grid(found.volume, TRUTH.grid, order=0, outside=-1)
    np.testing.assert_allclose(back.data, expected, rtol=1e-6)
    assert found.notes == ()


def test_a_rescale_that_lifts_all_intensities_is_taken_off_and_recorded(tmp_path):
    found = converted(files(tmp_path, RescaleIntercept=100, RescaleSlope=1))
    assert found.volume.data.min() == 0
    assert found.notes == (
        "100 was subtracted from intensities: the DICOM rescale intercept had shifted them to 100",
    )


def test_signed_numbers_below_zero_without_a_rescale_stay_below(tmp_path):
    negative = files(tmp_path, PixelRepresentation=1)
    lowered = []
    for content in negative:
        made = pydicom.dcmread(io.BytesIO(content))
        made.PixelData = (made.pixel_array - 1000).astype("<i2").tobytes()
        lowered.append(written(made))
    found = converted(lowered)
    assert found.volume.data.min() == -1000
    assert found.notes == ()


@pytest.mark.parametrize("cut", ["preamble", "meta"])
@pytest.mark.parametrize("implicit", [True, False])
def test_files_without_a_preamble_hold_the_same_image(cut, implicit, tmp_path):
    bare = []
    for content in files(tmp_path):
        made = pydicom.dcmread(io.BytesIO(content))
        kind = pydicom.uid.ImplicitVRLittleEndian if implicit else made.file_meta.TransferSyntaxUID
        made.file_meta.TransferSyntaxUID = kind
        whole = written(made)
        meta = pydicom.dcmread(io.BytesIO(whole)).file_meta
        start = 132 if cut == "preamble" else 144 + meta.FileMetaInformationGroupLength
        bare.append(whole[start:])
    back = converted(bare).volume
    np.testing.assert_array_equal(to_grid(back, TRUTH.grid, order=0, outside=-1).data, TRUTH.data)


def two_echoes_in_one_file(folder: Path, image: Volume) -> bytes:
    """Return an enhanced image of two echoes: the first is the second times 3."""
    path = folder / "one.dcm"
    write_enhanced(path, image, 4, "pd_t2_dual")
    made = pydicom.dcmread(path)
    frames = list(made.PerFrameFunctionalGroupsSequence)
    del made.SharedFunctionalGroupsSequence[0].MREchoSequence
    both = []
    for place, time in enumerate((15.0, 96.0), 1):
        for frame in copy.deepcopy(frames):
            echo = pydicom.Dataset()
            echo.EffectiveEchoTime = time
            frame.MREchoSequence = [echo]
            frame.FrameContentSequence[0].DimensionIndexValues.append(place)
            both.append(frame)
    made.PerFrameFunctionalGroupsSequence, made.NumberOfFrames = both, len(both)
    pixels = np.frombuffer(made.PixelData, "<u2")
    made.PixelData = np.concatenate([pixels * 3, pixels]).astype("<u2").tobytes()
    return written(made)


def test_an_echo_of_an_enhanced_image_is_taken(tmp_path):
    content = two_echoes_in_one_file(tmp_path, TRUTH)
    header = read_header(content)
    assert isinstance(header, Header)
    first, second = sort_series({0: header})
    assert (first.header.echo_ms, second.header.echo_ms) == (15, 96)
    assert (contrast_of(first), contrast_of(second)) == (None, "T2w")
    assert dict(second.header.acquired)["EchoTime"] == 0.096
    for series, factor in ((first, 3), (second, 1)):
        made = convert([content], "T2w", series.slices, series.header.echo_ms).volume
        np.testing.assert_array_equal(
            to_grid(made, TRUTH.grid, order=0, outside=-1).data, TRUTH.data * factor
        )
    with pytest.raises(SubjectError, match="dcm2niix converted one DICOM series to no image"):
        convert([content], "T2w", 12, 50.0)


def test_loss_is_said(tmp_path):
    header = read_header(files(tmp_path, LossyImageCompression="01")[0])
    assert isinstance(header, Header)
    (series,) = sort_series({0: header})
    assert series.describe().endswith("1 slices; compressed with loss)")


@pytest.mark.heavy
@pytest.mark.slow
def test_a_study_records_the_rescale_that_it_took_off(tmp_path, studies, capsys):
    from rt1t2_dask.cli.command_line import command
    from rt1t2_dask.pipelines.people.simulated import template_head
    from rt1t2_dask.simulate.cohort import GroupSpec, simulate_participant
    from rt1t2_dask.storage.parts import Lake, Part

    spec = GroupSpec("X", 1, 60, 5, 0)
    person = simulate_participant(template_head(), "sub-X", spec, seed=1, voxel_mm=4.0, effects=())
    root = tmp_path / "dicom"
    for k, label in enumerate(("sub-00", "sub-01")):
        # Nobody has another's voxels; the second person's T1w went through a rescale.
        tags = {"RescaleIntercept": -1024, "RescaleSlope": 1} if k else {}
        for number, image, own in ((2, person.t1w, {**T1W, **tags}), (5, person.t2w, T2W)):
            scaled = image.with_data(np.clip(image.data * (8 + k), 0, 65535))
            write_series(root / label / str(number), scaled, number, own)
    (root / "participants.tsv").write_text("participant_id\tgroup\nsub-00\tP\nsub-01\tC\n")
    words = ["--config-dir", studies, "+cohort=mine", "source=dicom", f"source.root={root}",
             f"storage.url={tmp_path / 'lake'}", f"output_dir={tmp_path / 'out'}",
             "stage=ingest", "resample.voxel_mm=4", "template.voxel_mm=4"]  # fmt: skip
    found = []
    for part in ("1", "2"):
        assert command([*words, f"part={part}"]) == 0, capsys.readouterr().err
    lake = Lake(str(tmp_path / "lake"))
    for path in (tmp_path / "lake" / "parts" / "ingest").glob("*.json"):
        part = Part("ingest", path.stem)
        inputs = lake.record(part)["inputs"]["t1w"]
        found.append((float(lake.read(part)["t1w"].min()), inputs["warnings"]))
    shifted = [warnings for _, warnings in found if any("was added" in w for w in warnings)]
    assert [least for least, _ in found] == [0.0, 0.0]
    assert len(shifted) == 1
    shift = "the DICOM rescale intercept had shifted them to -1024"
    assert f"1024 was added to intensities: {shift}" in shifted[0]


EXAMPLES = Path(pydicom.__file__).parent / "data" / "test_files"


def ten_times(name: str) -> np.ndarray:
    """Convert a series of ten copies of one of pydicom's example slices."""
    if not (EXAMPLES / name).exists():
        pytest.skip("pydicom comes without its example files")
    contents = []
    for k in range(10):
        made = pydicom.dcmread(EXAMPLES / name)
        made.InstanceNumber, made.SOPInstanceUID = k + 1, f"{made.SOPInstanceUID}.{k}"
        made.ImagePositionPatient = [0, 0, 5 * k]
        made.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        contents.append(written(made))
    return convert(contents, "T1w", 10).volume.data


@pytest.mark.parametrize(
    "way", ["jp2klossless", "jpeg_ls_lossless", "RLE", "bigendian", "implicit"]
)
def test_a_real_slice_in_any_transfer_syntax_is_the_same(way):
    pixels = pydicom.dcmread(EXAMPLES / "MR_small.dcm").pixel_array
    plain, found = ten_times("MR_small.dcm"), ten_times(f"MR_small_{way}.dcm")
    assert sorted(plain[:, :, 3].ravel()) == sorted(pixels.ravel())
    np.testing.assert_array_equal(found, plain)
