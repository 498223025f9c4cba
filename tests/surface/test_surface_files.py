"""GIFTI, FreeSurfer's own files and CIFTI: read and written as nibabel does, moved to scanner."""

from __future__ import annotations

import gzip

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from known_meshes import icosphere
from nibabel.gifti import GiftiCoordSystem, GiftiDataArray, GiftiImage

from rt1t2_dask.errors import SubjectError
from rt1t2_dask.surface import cifti, freesurfer, gifti
from rt1t2_dask.surface.tkr import scanner_from_tkr

MESH = icosphere(1, 30.0)
N = len(MESH.vertices)
TURNED = nib.affines.from_matvec(
    np.linalg.qr(np.random.default_rng(2).standard_normal((3, 3)))[0] * 0.8, [3, -20, 14]
)


def surface_file(coordsys=None, **meta) -> bytes:
    points = GiftiDataArray(
        MESH.vertices.astype(np.float32), "NIFTI_INTENT_POINTSET", coordsys=coordsys, meta=meta
    )
    faces = GiftiDataArray(MESH.faces.astype(np.int32), "NIFTI_INTENT_TRIANGLE")
    return GiftiImage(darrays=[points, faces]).to_bytes()


def geometry_file(tmp_path, vertices=MESH.vertices) -> bytes:
    nib.freesurfer.write_geometry(tmp_path / "lh.white", vertices, MESH.faces)
    return (tmp_path / "lh.white").read_bytes()


def orig(affine) -> bytes:
    return nib.MGHImage(np.zeros((9, 7, 8), np.uint8), affine).to_bytes()


@pytest.mark.parametrize("packed", [False, True])
def test_a_surface_is_read_as_it_was_written(packed):
    content = gifti.surface_bytes(MESH, "left")
    found = gifti.read_surface(gzip.compress(content) if packed else content)
    assert np.allclose(found.vertices, MESH.vertices, atol=1e-5)
    assert np.array_equal(found.faces, MESH.faces)


def test_freesurfers_surfaces_are_moved_and_smripreps_are_not():
    centre = {"VolGeomC_R": "5", "VolGeomC_A": "-20", "VolGeomC_S": "31.5"}
    found = gifti.read_surface(surface_file(**centre)).vertices
    assert np.allclose(found, MESH.vertices + np.array([5, -20, 31.5]), atol=1e-5)
    moved = dict.fromkeys(centre, "0.000000")
    talairach = GiftiCoordSystem(0, 3, TURNED)
    for content in (surface_file(**moved), surface_file(), surface_file(talairach)):
        assert np.allclose(gifti.read_surface(content).vertices, MESH.vertices, atol=1e-5)


def test_the_transform_to_scanner_space_in_a_file_is_applied_once():
    there = surface_file(GiftiCoordSystem(0, 1, TURNED), VolGeomC_R="5", VolGeomC_A="1",
                         VolGeomC_S="1")  # fmt: skip
    expected = nib.affines.apply_affine(TURNED, MESH.vertices)
    assert np.allclose(gifti.read_surface(there).vertices, expected, atol=1e-4)
    already = surface_file(GiftiCoordSystem(1, 1, np.eye(4)), VolGeomC_R="5", VolGeomC_A="1",
                           VolGeomC_S="1")  # fmt: skip
    assert np.allclose(gifti.read_surface(already).vertices, MESH.vertices, atol=1e-5)


def test_an_oblique_volume_turns_its_surfaces_as_nibabel_says(tmp_path):
    """The same volume told by a GIFTI file and by orig.mgz."""
    header = nib.MGHImage(np.zeros((9, 7, 8), np.uint8), TURNED).header
    expected = header.get_vox2ras() @ np.linalg.inv(header.get_vox2ras_tkr())
    for content in (orig(TURNED), gzip.compress(orig(TURNED))):
        assert np.allclose(scanner_from_tkr(content), expected, atol=1e-4)
    cosines = TURNED[:3, :3] / 0.8
    meta = {f"VolGeom{axis}_{letter}": str(cosines[i, k])
            for k, axis in enumerate("XYZ") for i, letter in enumerate("RAS")}  # fmt: skip
    centre = nib.affines.apply_affine(TURNED, np.array([4.5, 3.5, 4]))
    meta |= {f"VolGeomC_{letter}": str(c) for letter, c in zip("RAS", centre, strict=True)}
    found = gifti.read_surface(surface_file(**meta)).vertices
    own = freesurfer.read_geometry(geometry_file(tmp_path), scanner_from_tkr(orig(TURNED)))
    assert np.allclose(found, nib.affines.apply_affine(expected, MESH.vertices), atol=1e-4)
    assert np.allclose(own.vertices, found, atol=1e-4)
    assert np.array_equal(own.faces, MESH.faces)


def test_maps_keep_their_names_and_what_is_missing():
    values = np.random.default_rng(0).standard_normal(N)
    values[3] = np.nan
    content = gifti.shape_bytes({"ratio": values, "thickness": values + 2}, "right")
    found = gifti.read_maps(content)
    assert list(found) == ["ratio", "thickness"]
    assert np.allclose(found["thickness"], values + 2, atol=1e-6, equal_nan=True)
    image = GiftiImage.from_bytes(content)
    assert image.meta["AnatomicalStructurePrimary"] == "CortexRight"
    assert gifti.shape_bytes({"ratio": values}, "left") == gifti.shape_bytes(
        {"ratio": values}, "left"
    )


def test_labels_of_gifti():
    table = nib.gifti.GiftiLabelTable()
    for key, name in ((0, "???"), (7, "insula")):
        label = nib.gifti.GiftiLabel(key, 1, 1, 1, 1)
        label.label = name
        table.labels.append(label)
    values = np.where(np.arange(N) < 9, 7, 0).astype(np.int32)
    array = GiftiDataArray(values, "NIFTI_INTENT_LABEL")
    found = gifti.read_labels(GiftiImage(darrays=[array], labeltable=table).to_bytes())
    assert np.array_equal(found.values, values)
    assert found.names == {0: "???", 7: "insula"}


def test_a_map_of_freesurfer(tmp_path):
    values = np.random.default_rng(0).standard_normal(N).astype(np.float32)
    nib.freesurfer.write_morph_data(tmp_path / "lh.thickness", values)
    assert np.array_equal(freesurfer.read_map((tmp_path / "lh.thickness").read_bytes()), values)


@hypothesis_settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_an_annotation_is_what_nibabel_reads(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    path = tmp_path_factory.mktemp("annot") / "lh.aparc.annot"
    names = ["unknown", "bankssts", "insula", "cuneus"]
    colours = np.column_stack([rng.permutation(256)[:4], rng.integers(0, 256, (4, 2)), [0] * 4])
    nib.freesurfer.write_annot(path, rng.integers(0, 4, N), colours, names, fill_ctab=True)
    expected, _, listed = nib.freesurfer.read_annot(path)
    found = freesurfer.read_annotation(path.read_bytes())
    assert np.array_equal(found.values, np.where(expected == 0, -1, expected))
    assert list(found.names.values()) == [name.decode() for name in listed] == names


def test_dense_scalars_leave_the_medial_wall_out():
    left, right = np.arange(N) > 4, np.arange(N) != 10
    values = np.random.default_rng(0).standard_normal(2 * N)
    content = cifti.dscalar_bytes({"ratio": values, "second": values * 2}, left, right)
    image = nib.Cifti2Image.from_bytes(content)
    models = image.header.get_axis(1)
    assert image.shape == (2, left.sum() + right.sum())
    assert list(image.header.get_axis(0).name) == ["ratio", "second"]
    assert dict(models.nvertices) == dict.fromkeys(cifti.STRUCTURES.values(), N)
    assert image.nifti_header.get_intent()[0] == "ConnDenseScalar"
    found = cifti.read_dense(gzip.compress(content))
    both = np.concatenate([found["left"]["second"], found["right"]["second"]])
    cortex = np.concatenate([left, right])
    assert np.allclose(both, np.where(cortex, 2 * values, np.nan), atol=1e-6, equal_nan=True)
    with pytest.raises(SubjectError, match=r"map short has shape \(3,\)"):
        cifti.dscalar_bytes({"short": np.zeros(3)}, left, right)


READERS = {
    "surface": (gifti.read_surface, lambda _: gifti.surface_bytes(MESH, "left")),
    "packed": (gifti.read_surface, lambda _: gzip.compress(gifti.surface_bytes(MESH, "left"))),
    "maps": (gifti.read_maps, lambda _: gifti.shape_bytes({"a": np.ones(N)}, "left")),
    "white": (lambda c: freesurfer.read_geometry(c, np.eye(4)), geometry_file),
    "orig": (scanner_from_tkr, lambda _: gzip.compress(orig(TURNED))),
    "dense": (cifti.read_dense, lambda _: cifti.dscalar_bytes(
        {"a": np.ones(2 * N)}, np.ones(N, bool), np.ones(N, bool))),
}  # fmt: skip


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("cut", [0.0, 0.02, 0.3, 0.7, 0.98])
def test_files_that_end_early_are_refused_in_one_line(kind, cut, tmp_path):
    read, write = READERS[kind]
    content = write(tmp_path)
    with pytest.raises(SubjectError) as raised:
        read(content[: int(cut * len(content))])
    assert "\n" not in str(raised.value)


def test_files_of_another_kind_are_refused():
    shape = gifti.shape_bytes({"a": np.ones(N)}, "left")
    surface = gifti.surface_bytes(MESH, "left")
    for read, content, said in (
        (gifti.read_surface, shape, "no array of NIFTI_INTENT_POINTSET"),
        (gifti.read_labels, surface, "no array of NIFTI_INTENT_LABEL"),
        (gifti.read_maps, surface, "has no map with one value a vertex"),
        (freesurfer.read_map, surface, "no map of FreeSurfer's"),
        (freesurfer.read_annotation, b"\0\0\0\0", "has no colour table"),
        (freesurfer.read_annotation, b"\x7f\xff\xff\xff", "ends too early"),
        (cifti.read_dense, surface, "cannot be read as dense CIFTI-2"),
    ):
        with pytest.raises(SubjectError, match=said):
            read(content)


def test_a_file_that_names_a_vertex_that_is_not_there_is_refused():
    points = GiftiDataArray(MESH.vertices.astype(np.float32), "NIFTI_INTENT_POINTSET")
    faces = GiftiDataArray((MESH.faces + 9).astype(np.int32), "NIFTI_INTENT_TRIANGLE")
    with pytest.raises(SubjectError, match="it has 42"):
        gifti.read_surface(GiftiImage(darrays=[points, faces]).to_bytes())
