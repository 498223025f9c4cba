"""Derivatives of sMRIPrep and fMRIPrep: names, transforms against ITK, the ratio against truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the name its own manual uses
import xarray as xr

from rt1t2_dask.bids.derivatives import preprocessed
from rt1t2_dask.bids.files import Wanted
from rt1t2_dask.errors import SubjectError
from rt1t2_dask.images.brain.tissue_probabilities import from_probabilities
from rt1t2_dask.images.nifti import to_bytes
from rt1t2_dask.images.registration.itk_transform import inverse_warp_of, read_transform, warp_of
from rt1t2_dask.images.resample import to_grid
from rt1t2_dask.images.volume import Grid, Volume

ANAT = "sub-01/anat/sub-01_"
SPACE = "MNI152NLin2009cAsym"
USUAL = [
    f"{ANAT}{name}"
    for name in (
        "desc-preproc_T1w.nii.gz", "desc-preproc_T2w.nii.gz", "desc-brain_mask.nii.gz",
        "dseg.nii.gz", "label-GM_probseg.nii.gz", f"from-T1w_to-{SPACE}_mode-image_xfm.h5",
        f"from-{SPACE}_to-T1w_mode-image_xfm.h5", "from-T1w_to-fsnative_mode-image_xfm.txt",
        f"space-{SPACE}_desc-preproc_T1w.nii.gz", f"space-{SPACE}_desc-brain_mask.nii.gz",
        "from-T1w_to-MNI152NLin6Asym_mode-image_xfm.h5",
    )
]  # fmt: skip


def test_what_fmriprep_leaves_is_known_by_name():
    found = preprocessed(USUAL, Wanted(), SPACE)
    assert found.t1w.path == USUAL[0]
    assert found.t2w is not None
    assert found.t2w.path == USUAL[1]
    assert found.brain_mask is not None
    assert found.brain_mask.path == USUAL[2]
    assert found.transform is not None
    assert found.transform.path == USUAL[5]
    assert found.inverse_transform is None
    assert found.lesion is None
    assert found.tissues == {}
    rest = [f"{ANAT}label-{name}_probseg.nii.gz" for name in ("CSF", "WM")]
    tissues = preprocessed([*USUAL, *rest], Wanted(), SPACE).tissues
    assert {k: v.path for k, v in tissues.items()} == {
        "csf": rest[0], "grey": USUAL[4], "white": rest[1],
    }  # fmt: skip


def test_brought_tissues_are_taken_as_they_are():
    rng = np.random.default_rng(0)
    shares = rng.dirichlet([1, 1, 1], size=(6, 7, 8)).transpose(3, 0, 1, 2).astype(np.float32)
    brain = rng.random((6, 7, 8)) > 0.3
    lesion = rng.random((6, 7, 8)) > 0.9
    t1w = Volume(rng.random((6, 7, 8)).astype(np.float32), np.diag([2.0, 2, 2, 1]))
    found = from_probabilities(t1w, brain, shares, lesion)
    inside = brain & ~lesion
    assert set(np.unique(found.labels.data[~brain])) == {0}
    assert (found.labels.data[brain & lesion] == 7).all()
    assert (found.labels.data[inside] == np.array([3, 1, 2])[shares.argmax(0)[inside]]).all()
    for k, name in enumerate(("csf", "grey", "white")):
        weights = shares[k][inside].astype(float)
        mean = np.average(t1w.data[inside], weights=weights)
        assert found.volumes_ml[name] == pytest.approx(weights.sum() * 0.008, rel=1e-6)
        assert found.means[name] == pytest.approx(mean, rel=1e-6)
        variance = np.average((t1w.data[inside] - mean) ** 2, weights=weights)
        assert found.sds[name] == pytest.approx(variance**0.5, rel=1e-5)
    with pytest.raises(SubjectError, match="cover 0% of the brain"):
        from_probabilities(t1w, brain, shares * 0)


def test_the_way_back_is_used_only_where_there_is_no_other():
    rest = [path for path in USUAL if path != USUAL[5]]
    found = preprocessed(rest, Wanted(), SPACE)
    assert found.transform is None
    assert found.inverse_transform is not None
    assert found.inverse_transform.path == USUAL[6]


def test_sessions_and_missing_t1w():
    two = [p.replace("sub-01/", f"sub-01/ses-{s}/").replace("01_", f"01_ses-{s}_", 1)
           for s in "ab" for p in USUAL]  # fmt: skip
    assert "_ses-b_" in preprocessed(two, Wanted(session="b"), SPACE).t1w.path
    with pytest.raises(SubjectError, match=r"2 files .* source\.session"):
        preprocessed(two, Wanted(), SPACE)
    with pytest.raises(SubjectError, match=r"desc-preproc_T1w"):
        preprocessed(USUAL[8:], Wanted(), SPACE)


def known_transform(folder: Path, *, amplitude_mm: float = 5.0) -> tuple[sitk.Transform, bytes]:
    """An affine after a smooth field, as ANTs writes them: one composite .h5."""
    size, spacing = [50, 58, 48], 4.0
    index = np.meshgrid(*[np.arange(n) * spacing for n in size], indexing="ij")
    waves = [np.sin(index[(a + 1) % 3] / 30.0 + a) * np.cos(index[a] / 40.0) for a in range(3)]
    vectors = np.stack([amplitude_mm * w for w in waves], axis=-1).transpose(2, 1, 0, 3)
    image = sitk.GetImageFromArray(np.ascontiguousarray(vectors), isVector=True)
    image.SetSpacing([spacing] * 3)
    image.SetOrigin([-98.0, -98.0, -76.0])
    affine = sitk.AffineTransform(3)
    affine.Rotate(0, 1, 0.1)
    affine.Scale([1.05, 0.97, 1.02])
    affine.SetTranslation([4.0, -6.0, 9.0])
    composite = sitk.CompositeTransform([affine, sitk.DisplacementFieldTransform(image)])
    path = folder / "x.h5"
    sitk.WriteTransform(composite, str(path))
    return composite, path.read_bytes()


def through_itk(transform: sitk.Transform, points: np.ndarray) -> np.ndarray:
    flip = np.array([-1.0, -1.0, 1.0])
    return np.array([transform.TransformPoint((p * flip).tolist()) for p in points]) * flip


BRAIN = np.random.default_rng(0).uniform((-60, -90, -50), (60, 60, 70), (300, 3))


def template_grid(voxel_mm: float) -> Grid:
    affine = np.diag([voxel_mm, voxel_mm, voxel_mm, 1.0])
    affine[:3, 3] = (-90, -120, -70)
    return Grid(tuple(int(n / voxel_mm) for n in (180, 216, 180)), affine)


def test_a_transform_moves_points_as_itk_does(tmp_path):
    known, content = known_transform(tmp_path)
    warp = warp_of(read_transform(content, ".h5"), template_grid(2.0))
    away = np.linalg.norm(warp.points(BRAIN) - through_itk(known, BRAIN), axis=1)
    assert away.mean() < 0.02
    assert away.max() < 0.06


@pytest.mark.heavy
def test_the_way_back_is_inverted(tmp_path):
    known, content = known_transform(tmp_path)
    warp = inverse_warp_of(read_transform(content, ".h5"), template_grid(2.0), template_grid(2.0))
    away = np.linalg.norm(through_itk(known, warp.points(BRAIN)) - BRAIN, axis=1)
    assert away.mean() < 0.03
    assert away.max() < 0.15


def test_a_transform_that_folds_or_cannot_be_read_is_refused(tmp_path):
    _, content = known_transform(tmp_path, amplitude_mm=80.0)
    grid = template_grid(6.0)
    with pytest.raises(SubjectError, match=r"no inverse.*normalise=lncc"):
        inverse_warp_of(read_transform(content, ".h5"), grid, grid)
    with pytest.raises(SubjectError, match="not a readable ITK file"):
        read_transform(content[:500], ".h5")


@pytest.fixture
def prepared(tmp_path) -> tuple[Path, Volume, Volume, sitk.Transform]:
    """SIMULATED derivatives of one person at 4 mm, T2w on the T1w's grid."""
    from rt1t2_dask.pipelines.people.simulated import template_head
    from rt1t2_dask.simulate.cohort import GroupSpec, simulate_participant

    spec = GroupSpec("X", 1, 60, 5, 0)
    person = simulate_participant(template_head(), "sub-X", spec, seed=2, voxel_mm=4.0, effects=())
    t1w, t2w = person.t1w, to_grid(person.t2w, person.t1w.grid, order=1)
    known, content = known_transform(tmp_path, amplitude_mm=3.0)
    anat = tmp_path / "bids" / "sub-01" / "anat"
    anat.mkdir(parents=True)
    mask = t1w.with_data(t1w.data > np.quantile(t1w.data, 0.7))
    files = {"desc-preproc_T1w": t1w, "desc-preproc_T2w": t2w, "desc-brain_mask": mask}
    shares = np.random.default_rng(0).dirichlet([1, 1, 1], size=t1w.data.shape)
    for k, name in enumerate(("CSF", "GM", "WM")):
        files[f"label-{name}_probseg"] = t1w.with_data(shares[..., k].astype(np.float32))
    for name, image in files.items():
        content_of = to_bytes(image, space_code=1, description="SIMULATED")
        (anat / f"sub-01_{name}.nii.gz").write_bytes(content_of)
    (anat / f"sub-01_from-T1w_to-{SPACE}_mode-image_xfm.h5").write_bytes(content)
    (tmp_path / "who.tsv").write_text("participant_id\tgroup\nsub-01\tP\nsub-02\tC\n")
    return tmp_path, t1w, t2w, known


@pytest.mark.heavy
@pytest.mark.slow
def test_the_ratio_lies_where_the_transform_says(prepared, studies, monkeypatch, capsys):
    from rt1t2_dask.cli.command_line import command

    folder, t1w, t2w, known = prepared
    words = ["--config-dir", studies, "+cohort=mine", "source=derivatives",
             f"source.root={folder / 'bids'}", "source.bias_corrected=[t1w,t2w]",
             f"++cohort.participants={folder / 'who.tsv'}", "calibration=none",
             f"storage.url={folder / 'lake'}", f"output_dir={folder / 'out'}",
             "template.voxel_mm=4", "stage=ratio", "part=1"]  # fmt: skip
    assert command(words) == 0, capsys.readouterr().err
    found = opened(folder, "ratio")["ratio"]
    assert found.attrs["space"] == SPACE
    # The rigid pose is the identity and nothing else was estimated: no field, no registration.
    np.testing.assert_array_equal(opened(folder, "coregister")["rigid"], np.eye(4))
    values = np.moveaxis(found.to_numpy(), (0, 1, 2), (2, 1, 0))
    where = np.argwhere(np.isfinite(values))[::211]
    template = np.asarray(found.attrs["affine"])
    world = where @ template[:3, :3].T + template[:3, 3]
    truth = [sampled(image, through_itk(known, world)) for image in (t1w, t2w)]
    np.testing.assert_allclose(values[tuple(where.T)], truth[0] / truth[1], rtol=0.02)
    assert len(where) > 50
    assert command([*words[:-2], "stage=tissue", "part=1"]) == 0, capsys.readouterr().err
    labels = opened(folder, "tissue")["tissue"].to_numpy().T
    brain = opened(folder, "brain")["brain"].to_numpy().T.astype(bool)
    shares = np.random.default_rng(0).dirichlet([1, 1, 1], size=t1w.data.shape)
    expected = np.array([3, 1, 2])[shares.argmax(-1)]
    assert (labels[brain] == expected[brain]).all()
    np.testing.assert_array_equal(brain, t1w.data > np.quantile(t1w.data, 0.7))


def opened(folder: Path, stage: str) -> xr.Dataset:
    part = next((folder / "lake" / "parts" / stage).glob("*/"))
    return xr.open_zarr(part, consolidated=False)


def sampled(image: Volume, points: np.ndarray) -> np.ndarray:
    """Fourth-degree spline by ITK, an implementation of its own."""
    from itk_images import to_itk

    known = to_itk(image)  # in units of its own, a power of two apart
    unit = float(image.data.max()) / float(sitk.GetArrayViewFromImage(known).max())
    flip = np.array([-1.0, -1.0, 1.0])
    values = []
    for point in points * flip:
        one = sitk.Resample(known, [1, 1, 1], sitk.Transform(), sitk.sitkBSpline4, point.tolist())
        values.append(unit * one.GetPixel(0, 0, 0))
    return np.clip(values, image.data.min(), image.data.max())


def test_the_source_chooses_its_transform_and_the_space_follows(configure):
    from rt1t2_dask.errors import UserError

    taken = configure(source="derivatives")
    assert (taken.normalise.kind, taken.space) == ("derivatives", SPACE)
    own = configure("normalise=lncc", source="derivatives")
    assert (own.normalise.kind, own.space) == ("lncc", "MNI152NLin2009aSym")
    with pytest.raises(UserError, match="normalise=derivatives needs source=derivatives"):
        configure("normalise=derivatives")


def test_masks_that_are_named_elsewhere_are_not_looked_for():
    anat = "sub-1/anat/sub-1_"
    paths = [f"{anat}{name}.nii.gz" for name in ("desc-preproc_T1w", "desc-preproc_T2w")]
    two = [f"{anat}desc-{rater}_label-lesion_mask.nii.gz" for rater in "ab"]
    with pytest.raises(SubjectError, match="2 lesion masks match"):
        preprocessed([*paths, *two], Wanted(), "MNI152NLin2009cAsym")
    found = preprocessed([*paths, *two], Wanted(), "MNI152NLin2009cAsym", ("lesion",))
    assert found.lesion is None
