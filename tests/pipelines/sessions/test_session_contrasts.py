"""Contrasts of people with several sessions: rows, partners, words, and who is left out."""

from __future__ import annotations

import pandas as pd
import pytest
from pydantic import TypeAdapter

from rt1t2_dask.config.contrasts import AnyForm, Form
from rt1t2_dask.errors import UserError
from rt1t2_dask.pipelines.calibration.design import ContrastRefusedError, held_constant
from rt1t2_dask.pipelines.calibration.plan import PersonGain, _persons
from rt1t2_dask.pipelines.contrasts.group_design import build, words
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.people.kinds import PERSON, SESSION
from rt1t2_dask.pipelines.people.table import Person
from rt1t2_dask.pipelines.reliability.plan import complete
from rt1t2_dask.pipelines.sessions.once import rows_read, unpaired_note

PEOPLE = {"p0": "pat", "p1": "pat", "p2": "pat", "p3": "pat", "c0": "hc", "c1": "hc", "c2": "hc"}
LACKS = ("p3", "2")


def form(said: object) -> Form:
    return TypeAdapter(AnyForm).validate_python(said)


def people() -> pd.DataFrame:
    """Return rows of two sessions in no order; one patient lacks the second."""
    both = [(p, s) for p in PEOPLE for s in ("1", "2") if (p, s) != LACKS]
    rows = pd.DataFrame(both, columns=[PERSON, SESSION]).sample(frac=1, random_state=1)
    rows = rows.reset_index(drop=True)
    label = [f"sub-{p}_ses-{s}" for p, s in zip(rows[PERSON], rows[SESSION], strict=True)]
    return rows.assign(participant_id=label, group=rows[PERSON].map(PEOPLE))


def named(rows: pd.DataFrame, places: object) -> list[str]:
    return rows["participant_id"].iloc[list(places)].tolist()


SESSIONS = {"test": "sessions", "sessions": ["ses-2", 1]}
BY_GROUP = {"test": "group_by_session", "groups": ["pat", "hc"], "sessions": [2, 1]}


@pytest.mark.parametrize(
    ("said", "whose"),
    [
        (SESSIONS, ["p0", "p1", "p2", "c0", "c1", "c2"]),
        ({**SESSIONS, "groups": ["pat"]}, ["p0", "p1", "p2"]),
        (BY_GROUP, ["p0", "p1", "p2", "c0", "c1", "c2"]),
    ],
)
def test_the_earlier_session_is_subtracted_from_the_later(said, whose):
    rows = people()
    design = build(form(said), rows, "hc")
    later, earlier = named(rows, design.rows), named(rows, design.partner)
    assert sorted(later) == sorted(f"sub-{p}_ses-2" for p in whose)
    assert [label.replace("ses-2", "ses-1") for label in later] == earlier
    assert design.flips == (said is not BY_GROUP)
    if said is BY_GROUP:
        assert design.names == ("pat", "hc")
        assert design.vector.tolist() == [1, -1]
        assert design.group.tolist() == rows["group"].iloc[design.rows].tolist()


@pytest.mark.parametrize(
    "said",
    [
        {"test": "two_sample", "groups": ["pat", "hc"], "session": 1},
        {"test": "one_sample", "group": "pat", "value": 1.4, "session": "1"},
        {"formula": "~ group", "of": "group", "session": "ses-1"},
    ],
)
def test_a_contrast_of_one_session_counts_each_person_once(said):
    rows = people()
    design = build(form(said), rows, "hc")
    found = named(rows, design.rows)
    assert all(label.endswith("_ses-1") for label in found)
    assert len(found) == len(set(found)) == (4 if said.get("test") == "one_sample" else 7)
    assert rows["group"].iloc[design.rows].tolist() == design.group.tolist()


def test_the_words_name_the_sessions():
    change = words(form({**SESSIONS, "groups": ["pat"]}))
    assert change.title == "session 2 versus session 1 within people of pat"
    assert change.positive == "session 2 higher"
    both = words(form(BY_GROUP))
    assert both.title == "pat versus hc in session 2 minus session 1"
    one = words(form({"test": "two_sample", "groups": ["pat", "hc"], "session": 1}))
    assert one.title == "pat versus hc in session 1"


def test_who_lacks_a_session_is_counted():
    rows = people()
    assert len(rows_read(form(BY_GROUP), rows)) == 6
    assert unpaired_note("change", form(BY_GROUP), rows) == [
        "Contrast change leaves out 1 person without both of the sessions 2 and 1."
    ]
    assert unpaired_note("change", form({**SESSIONS, "groups": ["hc"]}), rows) == []
    few = rows[~rows[PERSON].isin(["p0", "p1"])].reset_index(drop=True)
    with pytest.raises(UserError, match="group 'pat' has 1 participants"):
        build(form(BY_GROUP), few, "hc")


def plans(rows: pd.DataFrame, protocol: dict[str, str]) -> list[PersonPlan]:
    gains = [PersonGain(1.0, 0.0, protocol[s], False, False) for s in rows[SESSION]]
    labels = zip(rows["participant_id"], rows["group"], rows[SESSION], gains, strict=True)
    return [PersonPlan(Person(label, g, s), {}, {}, gain) for label, g, s, gain in labels]


@pytest.mark.parametrize("said", [SESSIONS, BY_GROUP])
def test_a_scanner_that_changed_with_the_session_is_refused(said):
    rows = people()
    design = build(form(said), rows, "hc")
    same = held_constant(design, rows, plans(rows, {"1": "P1", "2": "P1"}))
    assert same.names == design.names
    with pytest.raises(ContrastRefusedError, match=r"P1: 0 in \w+ in session 2|0 in \w+ in ses"):
        held_constant(design, rows, plans(rows, {"1": "P1", "2": "P2"}))


def test_sessions_of_a_person_are_averaged_for_the_gain(configure):
    rows = people()
    found = dict(zip(rows["participant_id"], _persons(configure(), rows), strict=True))
    assert found["sub-p0_ses-1"] == found["sub-p0_ses-2"]
    assert len(set(found.values())) == len(PEOPLE)


def test_the_rows_of_reliability_keep_a_person_together():
    rows = people()
    found = named(rows, complete(rows, ("1", "2")))
    assert len(found) == 12
    assert all(
        a.replace("ses-1", "ses-2") == b for a, b in zip(found[::2], found[1::2], strict=True)
    )
    assert not any("p3" in label for label in found)
    controls = rows[rows["group"] == "hc"]
    assert all(label.startswith("sub-c") for label in named(rows, complete(controls, ("2", "1"))))
