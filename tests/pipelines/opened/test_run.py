"""A study that is run in Python is that of the command line, and errors are raised."""

import numpy as np
import pytest
from studies_of_maps import maps_words, write_maps_study

from rt1t2_dask import open_study, run
from rt1t2_dask.errors import RunError, UserError


@pytest.fixture
def words(tmp_path):
    """Settings of the study of maps, as given to `run`."""
    write_maps_study(tmp_path)
    return [word for word in maps_words(tmp_path)[2:] if not word.startswith("+cohort")]


@pytest.mark.slow
def test_a_run_is_that_of_the_command_line(words, tmp_path, lake_before, finished_maps):
    study = run("small", *words, config_dir=tmp_path / "studies")
    again = open_study(finished_maps / "out")
    np.testing.assert_array_equal(study.maps().smoothed, again.maps().smoothed)
    assert study.contrasts["patVsHc"].clusters.equals(again.contrasts["patVsHc"].clusters)
    assert study.report == tmp_path / "out" / "report.html"
    assert str(lake_before) in study.maps().attrs["parts"]


def test_wrong_input_is_raised(words, tmp_path):
    studies = tmp_path / "studies"
    with pytest.raises(UserError, match="nonsense"):
        run("small", *words, "nonsense=1", config_dir=studies)
    with pytest.raises(UserError, match="no such folder"):
        run("small", config_dir=tmp_path / "none")
    for word in ("dry_run=true", "check=true", "level=participant"):
        with pytest.raises(UserError, match=rf"which {word} does not make"):
            run("small", *words, word, config_dir=studies)
    with pytest.raises(UserError, match="cohort=none: no such choice"):
        run("none")


@pytest.mark.slow
def test_a_person_who_fails_is_raised_with_where_to_look(words, tmp_path, lake_before):
    (tmp_path / "maps" / "sub-03_T1wT2wratio.nii.gz").write_bytes(b"no image")
    with pytest.raises(RunError, match=r"out/failures.tsv says who and why"):
        run("small", *words, config_dir=tmp_path / "studies")
    with pytest.raises(UserError, match="is not finished"):
        open_study(tmp_path / "out")
