"""What the name of a column says: identifiers are text without a word, measures stay numbers."""

from __future__ import annotations

import pytest
from participant_tables import cohort, table

from rt1t2_dask.naming import names_something, words
from rt1t2_dask.pipelines.people.table import chosen_people

NAMES = (
    "site", "Site", "site_code", "SITE_ID", "siteid", "site2", "study_site", "scannerID", "Scanner",
    "MRIScanner", "mri_scanner", "scanner_2", "machine", "family_ID", "familyid", "pair", "couple",
    "centre_of_recruitment", "recruiting-centre", "hospital", "Zentrum", "Gerät", "Familie",
)  # fmt: skip
MEASURES = (
    "age", "years_at_site", "distance_to_site", "site_distance", "family_income", "family_size",
    "scanner_temperature", "dose", "opposite", "website", "parasite", "n_sites", "id", "code",
)  # fmt: skip


@pytest.mark.parametrize("column", NAMES)
def test_codes_of_places_machines_and_families_are_levels(column):
    rows = table(group=["1", "1", "1", "0", "0", "0"], **{column: ["1", "2", "3"] * 2})
    people = chosen_people(rows, cohort(covariates=[column]))
    assert people[f"covariate:{column}"].tolist() == ["1", "2", "3"] * 2


@pytest.mark.parametrize("column", MEASURES)
def test_measures_stay_numbers(column):
    assert not names_something(column)


def test_words_of_a_name():
    assert words("studySite_ID2") == ["study", "site", "id", "2"]
