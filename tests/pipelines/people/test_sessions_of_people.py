"""Sessions that differ between people, in a dataset of scans and in derivatives."""

from __future__ import annotations

import pytest

from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.people.inputs import find_inputs
from rt1t2_dask.pipelines.people.table import read_people, shown

VISITS = ("1", "2", "n/a", "2")


@pytest.fixture
def visits(tmp_path):
    """Write scans of sessions 1 and 2, of the third person without, and a column of visits."""

    def make(*names: str) -> None:
        rows = ["participant_id\tgroup\tvisit"]
        for i, visit in enumerate(VISITS):
            label = f"sub-{i:02d}"
            rows.append(f"{label}\t{'PPCC'[i]}\t{visit}")
            for session in ("",) if visit == "n/a" else ("ses-1", "ses-2"):
                stem = "_".join(filter(None, (label, session)))
                for name in names:
                    path = tmp_path / "bids" / label / session / "anat" / f"{stem}_{name}"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(f"{stem} {name}")
        (tmp_path / "bids" / "participants.tsv").write_text("\n".join(rows) + "\n")

    return make


def sessions(config) -> list[str]:
    files = find_inputs(config, read_people(config)).files
    return [own["t1w"].path.split("/")[1] for own in files.values()]


DERIVED = ("desc-preproc_T1w.nii.gz", "desc-preproc_T2w.nii.gz")


@pytest.mark.parametrize(
    ("source", "names", "more"),
    [
        ("bids", ("T1w.nii.gz", "T2w.nii.gz"), ()),
        ("derivatives", DERIVED, ("normalise=lncc",)),
    ],
)
def test_a_session_of_everybodys_own(source, names, more, visits, configure):
    visits(*names)

    def chosen(session: str) -> list[str]:
        return sessions(configure(f"source.session='{session}'", *more, source=source))

    assert chosen("{visit}") == ["ses-1", "ses-2", "anat", "ses-2"]
    assert chosen("first") == ["ses-1", "ses-1", "anat", "ses-1"]
    assert chosen("last") == ["ses-2", "ses-2", "anat", "ses-2"]


def test_the_choice_is_said_and_the_column_is_no_output(visits, configure):
    visits("T1w.nii.gz", "T2w.nii.gz")
    config = configure("source.session='{visit}'")
    people = read_people(config)
    first = find_inputs(config, people).files["sub-00"]["t1w"]
    assert first.chosen == "1 of 2: source.session={visit} (ses-1)"
    assert list(shown(people)) == ["participant_id", "group"]


def test_a_column_that_is_not_there_is_wrong_input(visits, configure):
    visits("T1w.nii.gz", "T2w.nii.gz")
    with pytest.raises(UserError, match=r"has no column wave; it has participant_id, group, visit"):
        read_people(configure("source.session='{wave}'"))
