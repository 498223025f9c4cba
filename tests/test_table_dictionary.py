"""The dictionary of tables: what it makes, the page, and names that programs keep."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from described_tables import undescribed

from rt1t2_dask.atlas import grey_labels, regions
from rt1t2_dask.cli.tables_page import page
from rt1t2_dask.region_columns import labels_of, region_columns, syntactic
from rt1t2_dask.table_dictionary import entry_of, sidecar, tables

PAGE = Path(__file__).resolve().parents[1] / "docs" / "tables.md"


@pytest.mark.skipif(not PAGE.exists(), reason="not a checkout")
def test_the_page_is_that_of_the_dictionary():
    assert PAGE.read_text() == page(), "python -m rt1t2_dask.cli.tables_page > docs/tables.md"


def test_every_column_is_described_and_every_text_ends_without_a_full_stop():
    for entry in tables():
        for column in entry.columns:
            assert len(column.text) > 2, (entry.file, column.name)
            assert not column.text.endswith("."), (entry.file, column.name)
            placeholders = set(re.findall(r"<(\w+)>", column.name))
            assert set(re.findall(r"\{(\w+)\}", column.text)) <= placeholders, column


def test_names_of_the_study_are_put_into_the_texts():
    found = sidecar("group/contrast-aVsB_ordered.tsv", ["t_third_minus_hc", "p_fwe_max_t"])
    assert found["LongName"].startswith("Clusters where every neighbouring pair")
    assert found["t_third_minus_hc"]["Description"] == "t of third minus hc at the peak"
    assert "family-wise" in found["p_fwe_max_t"]["Description"]
    assert sidecar("group/demographics.tsv", ["age_mean"])["age_mean"]["Units"] == "year"
    assert set(sidecar("group/quality.tsv", ["used"])["used"]["Levels"]) == {"yes", "no"}


def test_the_entry_with_the_most_letters_is_meant():
    files = {
        "group/contrast-aVsB_clusters.tsv": "group/contrast-<contrast>_clusters.tsv",
        "group/contrast-aVsB_age_and_sex.tsv": "group/contrast-<contrast>_<held>.tsv",
        "group/contrast-aVsB_age_and_sex_clusters.tsv":
            "group/contrast-<contrast>_<held>_clusters.tsv",
        "group/regions-nuclei_means.tsv": "group/regions-<set>_means.tsv",
    }  # fmt: skip
    for path, file in files.items():
        entry = entry_of(path)
        assert entry is not None and entry.file == file
    assert entry_of("group/nothing.tsv") is None


def test_columns_of_regions_are_names_that_r_keeps():
    columns = region_columns()
    assert list(columns) == list(grey_labels()) and len(set(columns.values())) == 119
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) for name in columns.values())
    assert syntactic({1: "a b", 2: "a-b", 3: "3rd"}) == {1: "a_b_1", 2: "a_b_2", 3: "region_3rd"}
    names = {int(k): str(name) for k, name in regions()["name"].items()}
    assert labels_of(columns.values(), names) == list(columns)
    assert labels_of(["23", "Left_Hippocampus"], names) == [23, 48]


def test_a_region_is_told_with_its_label():
    found = sidecar("group/parcels.tsv", ["participant_id", "Left_Hippocampus"])
    told = found["Left_Hippocampus"]
    assert told["LongName"].startswith("Left Hippocampus (index 48")
    assert "n/a where less than half" in told["Description"]


def test_every_table_of_a_study_of_maps_is_described(finished_maps):
    assert undescribed(finished_maps / "out") == []
