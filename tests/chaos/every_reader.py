"""All readers that are fuzzed."""

from __future__ import annotations

from cases import Reader
from dicom_readers import dicom_readers
from image_readers import nifti_readers, surface_readers, transform_readers
from lake_readers import lake_readers
from text_readers import home, json_readers, settings_readers, table_readers


def readers() -> list[Reader]:
    home()  # made here, so that forked children share it
    return [
        *nifti_readers(), *surface_readers(), *transform_readers(), *table_readers(),
        *json_readers(), *settings_readers(), *lake_readers(), *dicom_readers(),
    ]  # fmt: skip
