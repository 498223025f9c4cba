"""SIMULATED DICOM series of known geometry, with a made-up patient in every file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rt1t2_dask.images.volume import Volume

NAME, PATIENT_ID, BIRTH = "Testpatient^Johanna", "HOSP-47110815", "19611224"
SECRETS = (b"Testpatient", b"Johanna", b"47110815", b"19611224", b"Dr House")
_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

T1W = {"SeriesDescription": "t1_mprage_sag", "ScanningSequence": ["GR", "IR"], "EchoTime": 2.98,
       "RepetitionTime": 2300.0, "InversionTime": 900.0}  # fmt: skip
T2W = {"SeriesDescription": "t2_tse_tra", "ScanningSequence": "SE", "EchoTime": 96.0,
       "RepetitionTime": 5000.0}  # fmt: skip


def write_series(folder: Path, volume: Volume, number: int, tags: dict[str, object]) -> list[Path]:
    """Write one file a slice (third axis); the affine's axes must be at right angles."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

    folder.mkdir(parents=True, exist_ok=True)
    series_uid, frame_uid, study_uid = generate_uid(), generate_uid(), generate_uid()
    lps = _LPS @ volume.affine
    size = volume.grid.voxel_mm
    paths = []
    for k in range(volume.data.shape[2]):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = MRImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        path = folder / f"{NAME.replace('^', '_')}.MR.{number:04d}.{k:04d}.dcm"
        file = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
        file.SOPClassUID, file.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
        file.PatientName, file.PatientID, file.PatientBirthDate = NAME, PATIENT_ID, BIRTH
        file.ReferringPhysicianName = "Dr House"
        file.Modality, file.Manufacturer, file.MRAcquisitionType = "MR", "SIEMENS", "3D"
        file.StudyInstanceUID, file.SeriesInstanceUID = study_uid, series_uid
        file.FrameOfReferenceUID = frame_uid
        file.SeriesNumber, file.InstanceNumber, file.AcquisitionNumber = number, k + 1, 1
        file.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
        file.ImagePositionPatient = [float(f"{v:.8g}") for v in (lps @ [0, 0, k, 1])[:3]]
        axes = [*(lps[:3, 0] / size[0]), *(lps[:3, 1] / size[1])]
        file.ImageOrientationPatient = [float(f"{v:.10g}") for v in axes]
        file.PixelSpacing = [float(size[1]), float(size[0])]
        file.SliceThickness = file.SpacingBetweenSlices = float(size[2])
        file.Columns, file.Rows = volume.data.shape[0], volume.data.shape[1]
        file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
        file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 16, 15, 0
        for tag, value in tags.items():
            setattr(file, tag, value)
        file.PixelData = np.ascontiguousarray(volume.data[:, :, k].T).astype("<u2").tobytes()
        file.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def write_enhanced(path: Path, volume: Volume, number: int, description: str) -> None:
    """Write an enhanced T2w: all slices in one file, times in functional groups."""
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, generate_uid

    lps, size = _LPS @ volume.affine, volume.grid.voxel_mm
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID = EnhancedMRImageStorage, meta.MediaStorageSOPInstanceUID
    file.PatientName, file.PatientID, file.PatientBirthDate = NAME, PATIENT_ID, BIRTH
    file.Modality, file.Manufacturer, file.SeriesDescription = "MR", "Philips", description
    file.StudyInstanceUID, file.SeriesInstanceUID = generate_uid(), generate_uid()
    file.FrameOfReferenceUID, file.SeriesNumber, file.InstanceNumber = generate_uid(), number, 1
    file.ImageType = ["ORIGINAL", "PRIMARY", "T2", "NONE"]
    file.EchoPulseSequence, file.InversionRecovery = "SPIN", "NO"
    x, y, n = volume.data.shape
    file.Columns, file.Rows, file.NumberOfFrames = x, y, n
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 16, 15, 0
    shared, timing, echo = Dataset(), Dataset(), Dataset()
    timing.RepetitionTime, echo.EffectiveEchoTime = 3200.0, 408.0
    measures, orientation = Dataset(), Dataset()
    measures.PixelSpacing = [float(size[1]), float(size[0])]
    measures.SliceThickness = measures.SpacingBetweenSlices = float(size[2])
    axes = [*(lps[:3, 0] / size[0]), *(lps[:3, 1] / size[1])]
    orientation.ImageOrientationPatient = [float(f"{v:.10g}") for v in axes]
    shared.MRTimingAndRelatedParametersSequence = [timing]
    shared.MREchoSequence = [echo]
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    file.SharedFunctionalGroupsSequence = [shared]
    file.PerFrameFunctionalGroupsSequence = [_frame(lps, k) for k in range(n)]
    file.PixelData = np.ascontiguousarray(volume.data.transpose(2, 1, 0)).astype("<u2").tobytes()
    file.save_as(path, enforce_file_format=True)


def _frame(lps: np.ndarray, k: int) -> object:
    from pydicom.dataset import Dataset

    frame, position, content = Dataset(), Dataset(), Dataset()
    position.ImagePositionPatient = [float(f"{v:.8g}") for v in (lps @ [0, 0, k, 1])[:3]]
    content.StackID, content.InStackPositionNumber = "1", k + 1
    content.DimensionIndexValues = [1, k + 1]
    frame.PlanePositionSequence, frame.FrameContentSequence = [position], [content]
    return frame
