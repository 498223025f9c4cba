"""DICOM headers and series."""
