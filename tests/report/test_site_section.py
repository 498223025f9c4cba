"""The section on sites, from tables and maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fake_report import fake_content
from page_reader import PageReader

from rt1t2_dask.report.figures.catalogue import draw_all
from rt1t2_dask.report.page import render
from rt1t2_dask.report.sections.sites import effects_table, site_section, site_table


def people() -> pd.DataFrame:
    rows = [("north", "psp", 60.0, "M"), ("north", "hc", 50.0, "F"), ("south", "hc", 70.0, "F")]
    return pd.DataFrame(rows, columns=["site", "group", "age", "sex"])


def test_sites_are_counted_by_group_age_and_sex() -> None:
    rows = site_table(people(), ["psp", "hc"])
    assert rows["psp"].tolist() == [1, 0]
    assert rows["age"].tolist() == ["55.0 ± 7.1", "70.0"]
    assert rows["n_female"].tolist() == [1, 1]


@pytest.mark.heavy
def test_section_shows_raw_beside_harmonised() -> None:
    content = fake_content()
    like = content.contrasts[0].t_map
    rng = np.random.default_rng(0)
    raw = like.with_data(np.where(np.isfinite(like.data), rng.uniform(0.4, 0.8, like.data.shape),
                                  np.nan))  # fmt: skip
    shares = {"raw": raw, "harmonised": raw.with_data(raw.data / 20)}
    table = effects_table(shares, shares)
    share = table["variance explained by site, median (%)"]
    np.testing.assert_allclose(share[0], 100 * np.nanmedian(raw.data))
    assert share[1] < 4
    assert content.template is not None
    section = site_section(
        "combat", site_table(people(), ["psp", "hc"]), shares, shares, pd.DataFrame(),
        content.template, simulated=True,
    )  # fmt: skip
    content = replace(content, contrasts=(), receptors=None, sections=(section,))
    drawn = draw_all(content)
    assert "sites_effects" in drawn
    reader = PageReader(render(content, drawn))
    assert "% of the variance of harmonised maps" in reader.words
    assert "by ComBat" in reader.words
    bare = PageReader(render(content, {}))
    assert "by ComBat" in bare.words
    assert bare.named("img") == []
