"""Read an ITK transform as a child process: ITK and HDF5 can crash on damaged files."""

from __future__ import annotations

import sys

import SimpleITK as sitk  # noqa: N813 - the name its own manual uses

if __name__ == "__main__":
    sitk.ReadTransform(sys.argv[1])
