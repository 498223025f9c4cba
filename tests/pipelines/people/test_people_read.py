"""What was read is shown: in words without anybody's name, in the check, and in the report."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from participant_tables import cohort, table

from rt1t2_dask.cli.command_line import Job, _configure, command
from rt1t2_dask.pipelines.outputs.people_section import compared_pairs
from rt1t2_dask.pipelines.people.read import columns_read, lines_read
from rt1t2_dask.pipelines.people.table import chosen_people

FORM = {"test": "paired", "groups": ["pat", "hc"], "pair": "couple"}


def test_kinds_levels_ranges_and_who_lacks_them():
    rows = table(
        group=["1", "1", "1", "0", "0", "0"], age=["30", "41,5", "n/a", "50", "60", "70"],
        site=["1", "2", "1", "2", "1", "2"], couple=["a1", "a2", "a3", "a1", "a2", "a3"],
        sex=["1", "1", "2", "M", "F", "F"], initials=list("uvwxyz"),
    )  # fmt: skip
    own = cohort(site_column="site", covariates=["initials"], contrasts={"a": FORM})
    found = columns_read(chosen_people(rows, own), own).set_index("column")
    assert found.index.tolist() == ["group", "age", "sex", "initials", "couple", "site"]
    assert found["read_as"].tolist() == ["groups", "number", "levels", "levels", "name", "name"]
    assert found["known"]["age"] == "2 pat, 3 hc"
    assert found["values"]["age"] == "30 to 70"
    assert found["values"]["site"] == "1 (3), 2 (3)"
    assert found["values"]["initials"] == "6 levels"
    assert found["values"]["sex"].startswith(
        "F (2), M (1); not understood '1' (2), '2' (1): define"
    )
    assert not [line for line in lines_read(chosen_people(rows, own), own) if "sub-" in line]


def test_every_pair_that_a_contrast_compares_once():
    forms = {
        "one": ["pat", "hc"], "back": ["hc", "pat"],
        "all": {"test": "anova", "groups": ["pat", "hc", "more"]},
        "within": {"test": "paired", "groups": ["more", "hc"], "pair": "p"},
        "slope": {"test": "regression", "of": "age"},
    }  # fmt: skip
    config = _configure(Job(("+cohort=psp",)))
    own = cohort(groups={"pat": "1", "hc": "0", "more": "2"}, contrasts=forms)
    pairs = compared_pairs(config.model_copy(update={"cohort": own}))
    assert pairs == [("pat", "hc"), ("pat", "more"), ("hc", "more")]


@pytest.mark.heavy
@pytest.mark.usefixtures("lake_before")
def test_check_log_and_report_say_what_was_read(maps_study, maps_arguments, capsys, tmp_path):
    root, _ = maps_study(covariates="[dose]")
    rows = pd.read_csv(root / "participants.tsv", sep="\t")
    rows["dose"] = np.arange(len(rows)) ** 2 % 7
    rows["age_at_onset"] = np.where(rows["group"] == "P", rows["age"] - 2, np.nan)
    rows.to_csv(root / "participants.tsv", sep="\t", index=False, na_rep="n/a")
    asked = [*maps_arguments, "permute.n=0", "receptors.n_permutations=0", "report.mosaics=0",
             "receptors.spatial=none"]  # fmt: skip
    assert command([*asked, "check=true"]) == 0
    said = "column dose, read as number: 0 to 4 (known: 6 pat, 7 hc)"
    assert said in capsys.readouterr().out.splitlines()
    assert command(asked) == 0
    assert said in capsys.readouterr().err
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Columns of the participants table" in page
    assert "Age by compared groups" in page
    pairs = pd.read_csv(tmp_path / "out" / "group" / "demographics_pairs.tsv", sep="\t")
    assert pairs[["variable", "first", "second"]].to_numpy().tolist() == [["age", "pat", "hc"]]
    people = pd.read_csv(tmp_path / "out" / "participants.tsv", sep="\t")
    assert people["age_at_onset"].notna().sum() == 6
