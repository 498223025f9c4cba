"""Sessions as rows: who has which, values of a session, what is refused, what is written."""

from __future__ import annotations

import pandas as pd
import pytest

from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.people.inputs import find_inputs
from rt1t2_dask.pipelines.people.table import Person, read_people, read_table
from rt1t2_dask.pipelines.sessions.notes import session_notes
from rt1t2_dask.pipelines.sessions.once import each_once
from rt1t2_dask.pipelines.sessions.tables import of_people, session_tables, with_sessions
from rt1t2_dask.pipelines.study.participants import everybody_there, selected_people

BOTH = ("source.session=[1,2]", "cohort.contrasts=null")
HAS = {"sub-00": "12", "sub-01": "12", "sub-02": "1", "sub-03": "12", "sub-04": ""}


@pytest.fixture
def scanned(tmp_path):
    """Write scans of five people in up to two sessions; return the dataset."""
    root = tmp_path / "bids"
    rows = ["participant_id\tgroup\tage"]
    for k, (label, sessions) in enumerate(HAS.items()):
        rows.append(f"{label}\t{'PPCCC'[k]}\t{50 + k}")
        (root / label).mkdir(parents=True)
        for session in sessions:
            folder = root / label / f"ses-{session}" / "anat"
            folder.mkdir(parents=True)
            for name in ("T1w", "T2w"):
                stem = f"{label}_ses-{session}_{name}"
                (folder / f"{stem}.nii.gz").write_text(stem)
    (root / "participants.tsv").write_text("\n".join(rows) + "\n")
    return root


def test_each_session_is_a_row_with_its_own_scans(scanned, configure):
    config = configure(*BOTH)
    people = read_people(config)
    assert people["participant_id"].tolist() == [
        *("sub-00_ses-1", "sub-00_ses-2", "sub-01_ses-1", "sub-01_ses-2"),
        *("sub-02_ses-1", "sub-03_ses-1", "sub-03_ses-2"),
    ]
    files = find_inputs(config, people).files
    assert files["sub-03_ses-2"]["t1w"].path == "sub-03/ses-2/anat/sub-03_ses-2_T1w.nii.gz"
    assert files["sub-03_ses-2"]["t2w"].path == "sub-03/ses-2/anat/sub-03_ses-2_T2w.nii.gz"
    assert len({file.sha256 for own in files.values() for file in own.values()}) == 14


def test_the_order_is_that_of_the_setting_and_ses_is_optional(scanned, configure):
    people = read_people(configure("source.session=[ses-2,ses-1]", "cohort.contrasts=null"))
    assert people["participant_id"].tolist()[:2] == ["sub-00_ses-2", "sub-00_ses-1"]


def test_people_without_a_session_are_named(scanned, configure):
    config = configure(*BOTH)
    first, *others = session_notes(config, read_table(config), named=True)
    assert "7 sessions of 4 people" in first
    assert others == [
        "not studied, without any of the sessions 1, 2: 1 (sub-04)",
        "without session 2: 1 (sub-02)",
    ]
    assert not any(
        "sub-" in line for line in session_notes(config, read_table(config), named=False)
    )


def test_values_of_a_session_replace_those_of_the_person(scanned, configure):
    table = "session_id\tage\tscore\nses-1\t50\t3\nses-2\t51.5\tn/a\n"
    (scanned / "sub-00" / "sub-00_sessions.tsv").write_text(table)
    config = configure(*BOTH, "++cohort.covariates=[score]")
    people = read_people(config).set_index("participant_id")
    assert people["age"].tolist() == [50, 51.5, 51, 51, 52, 53, 53]
    assert people["covariate:score"].isna().tolist() == [False, *[True] * 6]


LONG = """participant_id\tsession_id\tgroup\tage
sub-00\tses-1\tP\t50
sub-00\tses-2\tP\t51.5
sub-01\t1\tP\t60
sub-02\t2\tC\t70
sub-03\t1\tC\t71
sub-03\t2\tC\t72
"""


def test_a_table_with_a_row_a_session_is_taken(scanned, configure):
    (scanned / "participants.tsv").write_text(LONG)
    config = configure(*BOTH)
    people = read_people(config).set_index("participant_id")
    # The second session of sub-01 has no row, the second of sub-02 no scan.
    assert people["age"].to_dict() == {
        "sub-00_ses-1": 50, "sub-00_ses-2": 51.5, "sub-01_ses-1": 60,
        "sub-03_ses-1": 71, "sub-03_ses-2": 72,
    }  # fmt: skip
    notes = session_notes(config, read_table(config), named=True)
    assert "not studied, without any of the sessions 1, 2: 1 (sub-02)" in notes
    with pytest.raises(UserError, match="repeats the person of row 3"):
        read_people(configure())
    twice = LONG.replace("sub-03\t2", "sub-03\t1")
    (scanned / "participants.tsv").write_text(twice)
    with pytest.raises(UserError, match="repeats the person of row 7"):
        read_people(config)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("session\tage\nses-1\t50\n", "has no column session_id; it has session, age"),
        ("session_id\tage\nses-1\t50\n1\t51\n", "repeats session 1; keep one row for each"),
    ],
)
def test_a_wrong_table_of_sessions_is_refused(text, said, scanned, configure):
    (scanned / "sub-00" / "sub-00_sessions.tsv").write_text(text)
    with pytest.raises(UserError, match=said):
        read_people(configure(*BOTH))


def test_a_person_or_one_session_is_excluded(scanned, configure):
    people = read_people(configure(*BOTH, "++cohort.exclude=[sub-00,sub-03_ses-2]"))
    assert people["participant_id"].tolist() == [
        *("sub-01_ses-1", "sub-01_ses-2", "sub-02_ses-1", "sub-03_ses-1"),
    ]


def test_a_session_of_nobody_and_a_taken_column_are_refused(scanned, configure):
    with pytest.raises(UserError, match=r"none of 5 people has session 7 in source.root"):
        read_people(configure("source.session=[1,7]", "cohort.contrasts=null"))
    table = scanned / "participants.tsv"
    table.write_text(table.read_text().replace("\tage", "\tsession"))
    with pytest.raises(UserError, match=r"has a column session, which source.session="):
        read_people(configure(*BOTH))


def test_one_lesion_for_two_sessions_is_refused(scanned, configure):
    table = scanned / "participants.tsv"
    lines = table.read_text().splitlines()
    named = [f"{line}\t{'lesion' if k == 0 else 'n/a'}" for k, line in enumerate(lines)]
    named[1] = named[1].replace("n/a", "masks/sub-00.nii.gz")
    table.write_text("\n".join(named) + "\n")
    with pytest.raises(UserError, match="names one file for several sessions of sub-00"):
        read_people(configure(*BOTH))


def test_a_mask_of_each_session_is_found(scanned, configure):
    (scanned / "masks").mkdir()
    for session in "12":
        (scanned / "masks" / f"sub-01_{session}.nii.gz").write_text(f"mask {session}")
    config = configure(*BOTH, "source.lesion='masks/{label}_{session}.nii.gz'")
    files = find_inputs(config, read_people(config)).files
    assert files["sub-01_ses-2"]["lesion"].path == "masks/sub-01_2.nii.gz"
    assert "lesion" not in files["sub-00_ses-1"]
    with pytest.raises(UserError, match=r"\{session\} stands for the sessions"):
        configure(*BOTH, "source.lesion='masks/{label}.nii.gz'")
    with pytest.raises(UserError, match=r"\{session\} stands for the sessions"):
        configure("source.lesion='masks/{label}_{session}.nii.gz'")


ONE = "++cohort.contrasts.own={test: two_sample, groups: [pat, hc], session: 1}"

CHANGED = "++cohort.contrasts.own={test: sessions"
NONE = "~cohort.contrasts.patVsHc"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("source.session=[1,2]",),
            "patVsHc would count people once for each of the sessions",
        ),
        ((ONE,), r"reads session 1, which source.session does not list \(none\)"),
        (("source.session=[2,3]", NONE, ONE), r"reads session 1, which .* does not list \(2, 3\)"),
        (("source.session=[1,1]",), "list two different sessions or more"),
        (("source.session=[1]",), "list two different sessions or more"),
        (("source.session=[first,last]",), "first is not the label of a session"),
        ((*BOTH, "++cohort.site_column=centre"), "takes every scan for another person"),
        ((*BOTH, "++calibration.reference=controls"), "takes every scan for another person"),
        (
            ("source.session=[1,2]", f"{CHANGED}, sessions: [2, 2]}}"),
            "are one; name two",
        ),
        (
            (
                "source.session=[1,2]",
                f"{CHANGED}, sessions: [2, 1], session: 1}}",
            ),
            "leave out session",
        ),
    ],
)
def test_what_would_count_people_twice_is_refused(words, said, configure):
    with pytest.raises(UserError, match=said):
        configure(*words)


def test_tables_of_the_outputs(scanned, configure):
    table = "session_id\tage\nses-1\t50\nses-2\t51.5\n"
    (scanned / "sub-00" / "sub-00_sessions.tsv").write_text(table)
    people = read_people(configure(*BOTH))
    persons = of_people(people)
    assert persons["participant_id"].tolist() == ["sub-00", "sub-01", "sub-02", "sub-03"]
    assert "age" not in persons  # it differs between the sessions of sub-00
    assert each_once(people)["age"].tolist() == [50, 51, 52, 53]
    tables = session_tables(people)
    assert tables["sub-00/sub-00_sessions.tsv"].to_dict("list") == {
        "session_id": ["ses-1", "ses-2"], "group": ["pat", "pat"], "age": [50.0, 51.5],
    }  # fmt: skip
    rows = tables["group/sessions.tsv"]
    assert rows.columns.tolist() == ["participant_id", "person", "session", "group", "age"]
    some = pd.DataFrame({"participant_id": ["sub-03_ses-2", "sub-00_ses-1"], "x": [1, 2]})
    assert with_sessions(some, people)["person"].tolist() == ["sub-03", "sub-00"]
    assert with_sessions(some, people)["session"].tolist() == ["2", "1"]


def test_without_sessions_tables_stay_as_they_are(scanned, configure):
    people = read_people(configure())
    some = pd.DataFrame({"participant_id": ["sub-03"]})
    assert of_people(people) is people
    assert with_sessions(some, people) is some
    assert session_tables(people) == {}


def test_the_folder_of_a_session():
    assert Person("sub-01", "a").folder == "sub-01"
    assert Person("sub-01_ses-1", "a", "1").folder == "sub-01/ses-1"
    assert Person("sub-01_ses-1", "a").folder == "sub-01_ses-1"


def test_derivatives_of_each_session_are_read(scanned, configure):
    for path in list(scanned.rglob("*_T?w.nii.gz")):
        path.rename(path.with_name(path.name.replace("_T", "_desc-preproc_T")))
    config = configure(*BOTH, "normalise=lncc", source="derivatives")
    files = find_inputs(config, read_people(config)).files
    assert len(files) == 7
    stem = "sub-00/ses-2/anat/sub-00_ses-2_desc-preproc"
    assert files["sub-00_ses-2"]["t1w"].path == f"{stem}_T1w.nii.gz"
    assert files["sub-00_ses-2"]["t2w"].path == f"{stem}_T2w.nii.gz"


def test_everybody_of_a_dataset_and_people_by_label(scanned, configure):
    config = configure(*BOTH, "level=dataset", "labels=[sub-00,sub-03_ses-2]")
    people = everybody_there(config)
    assert len(people) == 7
    assert selected_people(config, people)["participant_id"].tolist() == [
        *("sub-00_ses-1", "sub-00_ses-2", "sub-03_ses-2"),
    ]
