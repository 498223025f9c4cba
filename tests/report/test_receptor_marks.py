"""Headline, stars and sweeps name the q that they go by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fake_report import fake_content, fake_receptors

from rt1t2_dask.report.figures.receptor_figures import receptor_bars
from rt1t2_dask.report.methods import describe
from rt1t2_dask.report.sections import headline, tables
from rt1t2_dask.report.sections.receptor_marks import judged
from rt1t2_dask.report.sweep.table import comparison, entry


def both_nulls() -> pd.DataFrame:
    """Random correlations; the second and third map alone pass both nulls."""
    table = fake_receptors(["PSP"])
    n = len(table)
    p_spatial = np.full(n, 0.5)
    p_spatial[1:4] = 0.001, 0.02, np.nan
    p = np.maximum(table["p_permutation"], p_spatial)
    q = np.where(p < 0.045, 0.04, 0.6)
    q[3] = np.nan
    return table.assign(p_spatial=p_spatial, p_conjunction=p, q_conjunction=q)


def stars(table: pd.DataFrame) -> dict[int, str]:
    axes = receptor_bars(table, None, simulated=False).figure.axes[0]
    return {round(note.xy[1]): note.get_text() for note in axes.texts}


def test_the_conjunction_decides_where_there_is_one():
    table = both_nulls()
    assert table["p_permutation"][0] < 0.001
    rule = judged(table)
    marks = rule.marks(table)
    assert marks[0] == ""
    assert marks[2] == "**"
    assert stars(table) == {k: mark for k, mark in enumerate(marks) if mark}
    said = headline.receptors(table)
    assert "1 of" in said
    assert "by both nulls (labels and spatial)" in said
    assert f"{table['receptor'][2]} in PSP" in said
    assert table["receptor"][0] not in said.partition("space")[2]
    shown = tables.receptors(table)
    assert [row[1] for row in shown.rows] == marks
    assert any("By both nulls" in note for note in shown.footnotes)


@pytest.mark.parametrize("older", [True, False])
def test_label_permutation_decides_without_a_spatial_null(older):
    table = fake_receptors(["PSP"])
    table = table if older else table.assign(p_conjunction=np.nan, q_conjunction=np.nan)
    assert judged(table).q == "q_fdr"
    assert "by label permutation" in headline.receptors(table)
    assert judged(table).marks(table)[:3] == ["**", "*", "**"]
    assert stars(table)[0] == "**"


def test_a_sweep_counts_by_the_same_rule():
    table = both_nulls()
    jobs = [entry(str(k), {"k": str(k)}, [], rows, {}) for k, rows in enumerate(
        (table, table.drop(columns="q_conjunction"))
    )]  # fmt: skip
    found = comparison(jobs)
    assert found["maps_q05"].tolist() == [1, 2]
    strongest = table.loc[table["mean_fisher_z"].abs().idxmax()]
    assert found["strongest_q"][1] == strongest["q_fdr"]


def test_methods_name_juspaces_rule_a_fault():
    content = replace(fake_content(), receptors=both_nulls())
    rules = {**content.settings["receptors"], "relabelings": "fixed_number"}
    fixed = replace(content, settings={**content.settings, "receptors": rules})
    assert "not a group" in describe(fixed).markdown
    rules = {**rules, "relabelings": "all"}
    every = replace(content, settings={**content.settings, "receptors": rules})
    said = describe(every).markdown
    assert "drawn uniformly from all relabelings" in said
    assert "not a group" not in said
    assert "significance is judged by both nulls (labels and spatial)" in said


def test_methods_say_where_every_relabeling_was_run():
    """Three against three people have 19 relabelings, three signs 7: none of these is drawn."""
    content = fake_content()
    rules = {**content.settings["receptors"], "relabelings": "all", "n_permutations": 200}
    permutation = {**(content.contrasts[0].permutation or {}), "n": 7, "exchange": "sign"}
    permutation |= {"exact": True, "method": "freedman_lane", "seed": 0}
    said = describe(
        replace(
            content,
            contrasts=[replace(content.contrasts[0], permutation=permutation)],
            receptors=both_nulls().assign(n_permutations=19),
            settings={**content.settings, "receptors": rules},
        )
    ).markdown
    assert "all 7 sign flips" in said
    assert "all 19 permutations of the group labels" in said
    assert "drawn uniformly" not in said
    assert " ." not in said.replace(" .0", " 0")


def test_untested_maps_are_not_called_tested():
    table = fake_receptors(["PSP"]).assign(p_permutation=np.nan, q_fdr=np.nan)
    assert headline.receptors(table).endswith("with receptor maps, none tested.")
    some = both_nulls()
    some.loc[0, ["p_permutation", "p_conjunction", "q_conjunction"]] = np.nan
    tested = some["p_conjunction"].notna().sum()
    assert f"of {tested} correlations" in headline.receptors(some)
