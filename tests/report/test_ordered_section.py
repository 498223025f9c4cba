"""The section on ordered groups: sentences, tables and the figure, of what there is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rt1t2_dask.report.sections.ordered import InOrder, ordered_section

GROUPS = ("hc", "psps2", "psp")
COUNTS = {
    "voxels": 9000, "alike": 3000, "height": 3.79, "over_height": {"rising": 0, "falling": 40},
    "voxels_fwe": {"max_t": 1, "tfce": 30},
}  # fmt: skip


def regions():
    p = np.linspace(0.01, 1, 119)
    pair = {f"{c}_{n}": p for n in ("psps2_minus_hc", "psp_minus_psps2") for c in ("t", "p")}
    joint = {"p_all_neighbours": p, "q_all_neighbours": p, "p_fwe_all_neighbours": p}
    return pd.DataFrame({"region": range(119), "name": "somewhere"} | pair | joint)


def left_out(directions=("rising", "falling"), known=("falling",)):
    rng = np.random.default_rng(0)
    people, groups = [], []
    for direction in directions:
        for g, name in enumerate(GROUPS):
            values = rng.normal(-5.0 * g, 2, 8) if direction in known else np.full(8, np.nan)
            people.append(pd.DataFrame({"group": name, "percent": values, "effect": values / 100}))
            people[-1]["direction"] = direction
            n = int(np.isfinite(values).sum())
            middle = float(values.mean())
            for measure, unit in (("percent", 1.0), ("effect", 0.01)):
                row = (direction, measure, name, n, middle * unit, middle * unit - 1, middle + 1)
                groups.append(row)
    columns = ["direction", "measure", "group", "n", "mean", "ci_low", "ci_high"]
    return pd.concat(people), pd.DataFrame(groups, columns=columns)


def clusters(n):
    row = {
        "cluster": 1, "sign": "negative", "region": "Left Thalamus Proper", "volume_mm3": 1080.0,
        "peak_t": -6.1, "t_psps2_minus_hc": -6.1, "t_psp_minus_psps2": -6.9, "p_fwe_max_t": 0.2,
    }  # fmt: skip
    return pd.DataFrame([row] * n, columns=list(row))


def section(direction="either", scale="ratio", simulated=False, found=1):
    people, groups = left_out()
    own = InOrder(GROUPS, direction, COUNTS, clusters(found), regions(), people, groups, scale)
    return ordered_section({"slope": own}, simulated)


def test_what_is_found_is_said():
    made = section()
    text = " ".join(made.sentences)
    assert "of 9,000 voxels all neighbouring differences have one sign in 3,000" in text
    assert "0 voxels rising and 40 voxels falling, in 1 cluster" in text
    assert "1 voxel by largest |t|, 30 voxels by TFCE" in text
    assert "every neighbouring pair differs in 5 regions of 119 at p < .05" in text
    assert "without one person no rising cluster is found" in text
    assert "(n = 8)" in text and " %" in text
    assert made.cites == ("berger1982", "kriegeskorte2009", "esterman2010")
    assert [len(table.rows) for table in made.tables] == [1, 12]


def test_no_cluster_is_no_table():
    assert len(section(found=0).tables) == 1


def test_only_what_was_asked_for_is_there():
    people, groups = left_out()
    own = InOrder(GROUPS, "falling", {}, None, None, people, groups, "ratio")
    made = ordered_section({"slope": own}, False)
    assert made.tables == () and made.cites == ("kriegeskorte2009", "esterman2010")
    assert len(made.sentences) == len(made.methods) == len(made.limits) == 1
    own = InOrder(GROUPS, "falling", COUNTS, clusters(1), regions(), None, None, "")
    made = ordered_section({"slope": own}, False)
    assert not made.pictures and made.cites == ("berger1982",)


def test_maps_without_percent_are_shown_in_their_unit():
    (picture,) = section(scale="signed").pictures.values()
    (axes,) = picture.figure.axes
    assert axes.get_ylabel() == "distance from everybody's mean"
    (picture,) = section().pictures.values()
    assert picture.figure.axes[0].get_ylabel() == "distance from everybody's mean (%)"


@pytest.mark.parametrize("simulated", [True, False])
def test_the_figure_is_drawn_alike_each_time(simulated):
    one, other = (section(simulated=simulated).pictures["ordered_slope"] for _ in range(2))
    assert one.png(60) == other.png(60)
    said = " ".join(text.get_text() for text in one.figure.texts)
    assert ("SIMULATED" in said) is simulated
    labels = [tick.get_text() for tick in one.figure.axes[0].get_xticklabels()]
    assert labels == [f"{name}\nn = 8" for name in GROUPS]


def test_both_directions_are_two_panels():
    people, groups = left_out(known=("rising", "falling"))
    own = InOrder(GROUPS, "either", COUNTS, clusters(1), regions(), people, groups, "ratio")
    (picture,) = ordered_section({"slope": own}, False).pictures.values()
    assert len(picture.figure.axes) == 2


def test_without_any_cluster_there_is_no_figure():
    people, groups = left_out(known=())
    own = InOrder(GROUPS, "either", COUNTS, clusters(0), regions(), people, groups, "ratio")
    assert not ordered_section({"slope": own}, False).pictures
