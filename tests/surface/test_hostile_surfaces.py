"""Surfaces that say they are larger than any mesh, and damaged ones: one reason, with the name."""

from __future__ import annotations

import base64
import gzip
import zlib

import nibabel as nib
import numpy as np
import pytest
from known_meshes import icosphere
from nibabel.gifti import GiftiDataArray, GiftiImage

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.surface import cifti, freesurfer, gifti
from rt1t2_dask.surface.tkr import scanner_from_tkr

MESH = icosphere(1, 30.0)
SURFACE = gifti.surface_bytes(MESH, "left")


def refused(read, content, *more):
    with pytest.raises(SubjectError) as caught:
        read(content, *more, "lh-file")
    said = str(caught.value)
    assert "lh-file" in said
    assert "\n" not in said
    return said


def test_numbers_that_nibabel_would_loop_over_are_refused():
    endless = SURFACE.replace(b'Dimensionality="2"', b'Dimensionality="4294967296"', 1)
    assert "dimensions" in refused(gifti.read_surface, endless)


def test_bombs_are_refused():
    packer = zlib.compressobj(9)
    head = packer.compress(b"\0") + packer.flush(zlib.Z_FULL_FLUSH)
    bomb = head + (packer.compress(bytes(1 << 25)) + packer.flush(zlib.Z_FULL_FLUSH)) * 9
    start = SURFACE.index(b"<Data>") + 6
    end = SURFACE.index(b"</Data>")
    inner = SURFACE[:start] + base64.b64encode(bomb) + SURFACE[end:]
    assert "unpack to more" in refused(gifti.read_surface, inner)
    outer = gzip.compress(SURFACE) + gzip.compress(bytes(1 << 25)) * 9
    assert "unpacks to more" in refused(gifti.read_surface, outer)


def test_other_kinds_of_numbers_are_refused():
    points = GiftiDataArray(MESH.vertices.astype(np.float32), "NIFTI_INTENT_POINTSET")
    for faces in (MESH.faces + 0.5, MESH.faces * np.nan):
        corners = GiftiDataArray(faces.astype(np.float32), "NIFTI_INTENT_TRIANGLE")
        content = GiftiImage(darrays=[points, corners]).to_bytes()
        assert "whole numbers" in refused(gifti.read_surface, content)


def test_a_broken_mesh_names_its_file(tmp_path):
    nib.freesurfer.write_geometry(tmp_path / "lh.white", MESH.vertices, MESH.faces)
    content = bytearray((tmp_path / "lh.white").read_bytes())
    content[-4:] = (10**6).to_bytes(4, "big")
    assert "name vertices" in refused(freesurfer.read_geometry, bytes(content), np.eye(4))


def test_an_annotation_beyond_its_vertices_is_refused(tmp_path):
    path = tmp_path / "lh.aparc.annot"
    colours = np.array([[10, 20, 30, 0]])
    nib.freesurfer.write_annot(path, np.zeros(9, int), colours, ["x"], fill_ctab=True)
    content = bytearray(path.read_bytes())
    content[4:8] = (500).to_bytes(4, "big")
    assert "beyond the 9" in refused(freesurfer.read_annotation, bytes(content))


def test_counts_above_any_mesh_are_refused():
    inside = np.ones(len(MESH.vertices), bool)
    content = cifti.dscalar_bytes({"ratio": np.zeros(2 * len(inside))}, inside, inside)
    count = f'SurfaceNumberOfVertices="{len(inside)}"'.encode()
    assert count in content
    huge = content.replace(count + b" ", b'SurfaceNumberOfVertices="999999999"', 1)
    huge = huge if huge != content else content.replace(count, count[:-3] + b'99999999"', 1)
    refused(cifti.read_dense, huge)


def test_more_values_than_the_file_holds_are_refused():
    inside = np.ones(len(MESH.vertices), bool)
    content = bytearray(cifti.dscalar_bytes({"a": np.zeros(2 * len(inside))}, inside, inside))
    header = np.ndarray((), nib.Nifti2Header.template_dtype, buffer=content)
    header["dim"][5] = 2**40
    assert "bytes" in refused(cifti.read_dense, bytes(content))


def test_a_volume_without_axes_or_type_is_refused():
    whole = nib.MGHImage(np.zeros((9, 7, 8), np.uint8), np.eye(4)).to_bytes()
    for place, number in ((20, 4096), (4, 0)):
        content = bytearray(whole)
        content[place : place + 4] = number.to_bytes(4, "big")
        refused(scanner_from_tkr, bytes(content))
