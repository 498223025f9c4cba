"""Whose surfaces a study reads: names of files, settings that do not fit, missing ones."""

from __future__ import annotations

import pytest

from rt1t2_dask.bids.surfaces import FSLR_ROLES, ROLES, freesurfer_surfaces, smriprep_surfaces
from rt1t2_dask.cli.command_line import Job, _configure, command
from rt1t2_dask.errors import SubjectError
from rt1t2_dask.pipelines.images.plan import person_stages


def smriprep(label: str = "sub-01", session: str = "") -> list[str]:
    stem = f"{label}/{session and f'ses-{session}/'}anat/{label}{session and f'_ses-{session}'}"
    ends = ("white", "pial", "midthickness", "desc-reg_sphere", "inflated", "sphere")
    more = ("space-fsLR_desc-reg_sphere", "space-fsLR_den-32k_midthickness", "smoothwm")
    return [f"{stem}_hemi-{h}_{end}.surf.gii" for h in "LR" for end in (*ends, *more)]


def test_names_of_smriprep_old_and_new():
    found = smriprep_surfaces(smriprep())
    assert set(found) == set(ROLES)
    assert found["white_left"].path.endswith("_hemi-L_white.surf.gii")
    assert found["sphere_right"].path == "sub-01/anat/sub-01_hemi-R_desc-reg_sphere.surf.gii"
    old = [path for path in smriprep() if "_white." not in path]
    assert smriprep_surfaces(old)["white_left"].path.endswith("_hemi-L_smoothwm.surf.gii")


def test_the_session_decides_where_there_are_several():
    both = [*smriprep(session="1"), *smriprep(session="2")]
    found = smriprep_surfaces(both, "2")
    assert all("ses-2" in own.path for own in found.values())
    with pytest.raises(SubjectError, match="2 files match as white surface"):
        smriprep_surfaces(both)


def test_spheres_of_fslr_are_taken_for_fslr_alone_and_of_both_hemispheres():
    paths = smriprep()
    assert "fslr_sphere_left" not in smriprep_surfaces(paths)
    found = smriprep_surfaces(paths, fslr=True)
    assert set(found) == {*ROLES, *FSLR_ROLES}
    end = "_hemi-R_space-fsLR_desc-reg_sphere.surf.gii"
    assert found["fslr_sphere_right"].path.endswith(end)
    assert found["sphere_right"].path.endswith("_hemi-R_desc-reg_sphere.surf.gii")
    msm = [path.replace(end, end.replace("reg", "msmsulc")) for path in paths]
    assert set(smriprep_surfaces(msm, fslr=True)) == set(ROLES)
    msm += [path.replace("desc-reg", "desc-msmsulc") for path in paths if "fsLR_desc-reg" in path]
    taken = smriprep_surfaces(list(dict.fromkeys(msm)), fslr=True)["fslr_sphere_left"]
    assert taken.path.endswith("_hemi-L_space-fsLR_desc-msmsulc_sphere.surf.gii")


def test_names_of_freesurfer_and_its_geometry():
    names = ("white", "pial", "sphere.reg", "thickness")
    paths = [f"01/surf/{h}h.{name}" for h in "lr" for name in names] + ["01/mri/orig.mgz"]
    found = freesurfer_surfaces(paths, "01")
    assert found["sphere_left"].path == "01/surf/lh.sphere.reg"
    assert found["orig"].path == "01/mri/orig.mgz"


@pytest.mark.parametrize("lacking", ["_hemi-L_pial", "_hemi-R_desc-reg_sphere"])
def test_what_is_missing_is_named(lacking):
    kind, side = ("pial", "left") if "pial" in lacking else ("sphere", "right")
    with pytest.raises(SubjectError, match=f"there is no surface {kind} of the {side}"):
        smriprep_surfaces([path for path in smriprep() if lacking not in path])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["surface=freesurfer"], "surface=freesurfer does not fit source=simulated"),
        (["surface=simulated", "source=bids", "source.root=x"], "does not fit source=bids"),
        (["surface=freesurfer", "source=bids", "source.root=x"], "needs surface.root=SUBJECTS_DIR"),
        (["surface=smriprep", "source=bids", "source.root=x"], "needs surface.root=DIR"),
        (["surface=simulated", "source=maps", "source.root=x"], "needs scans"),
        (["surface=simulated", "level=participant"], "surface=none with level=participant"),
        (["surface=simulated", "surface.depths=[2]"], "surface.depths"),
        (["surface=simulated", "surface.fwhm_mm=-1"], "surface.fwhm_mm"),
        (["surface=other"], "surface"),
    ],
)
def test_settings_that_do_not_fit_are_refused_in_a_line(words, said, capsys, tmp_path):
    assert command(["+cohort=psp", *words, f"output_dir={tmp_path / 'out'}"]) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error


def test_a_broken_surface_is_the_failure_of_one_person_since_it_is_read_in_the_image_half():
    config = _configure(Job(("+cohort=psp", "surface=simulated")))
    *_, sampled, smoothed = person_stages(config)
    assert (sampled.name, smoothed.name) == ("surface", "surface_smooth")
    assert set(ROLES) < set(sampled.files)
    without = person_stages(_configure(Job(("+cohort=psp",))))
    assert "surface" not in [stage.name for stage in without]
