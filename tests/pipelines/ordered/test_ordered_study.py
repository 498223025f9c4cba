"""Three groups in an order, from the command line to tables, maps and report."""

from __future__ import annotations

import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from described_tables import undescribed
from scipy import stats
from studies_of_maps import map_affine, maps_words, write_maps_study

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.stats import contrast, ordered, permutation_test
from rt1t2_dask.stats.order.neighbours import neighbour_weights

GROUPS = ("hc", "psps2", "psp")
SIZES = (7, 5, 6)
COHORT = """
name: small
participants: participants.tsv
group_column: group
groups: {{hc: C, psps2: S, psp: P}}
reference: hc
contrasts: {{slope: {form}}}
covariates: [age]
"""
FORM = "{test: ordered, groups: [hc, psps2, psp]}"
QUICK = (
    "receptors.n_permutations=0", "receptors.spatial=none", "report.mosaics=0", "report.slices=[]",
    "permute.statistic=[max_t,cluster,tfce]",
)  # fmt: skip


def write_study(folder, form=FORM):
    """Write 18 maps of three groups, the ratio falling from one to the next in some voxels."""
    root, maps = write_maps_study(folder, 0, sum(SIZES))
    labels = np.repeat(["C", "S", "P"], SIZES)
    fall = np.repeat([0.0, 0.25, 0.5], SIZES)
    maps[:, 15:19, 18:22, 18:22] -= fall[:, None, None, None].astype(np.float32)
    for k, data in enumerate(maps):
        image = nib.Nifti1Image(data, map_affine())
        image.to_filename(root / f"sub-{k:02d}_T1wT2wratio.nii.gz")
    rows = pd.read_csv(root / "participants.tsv", sep="\t").assign(group=labels)
    rows.to_csv(root / "participants.tsv", sep="\t", index=False)
    (folder / "studies" / "cohort" / "small.yaml").write_text(COHORT.format(form=form))
    return rows, maps


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ordered")
    rows, maps = write_study(folder)
    assert command([*maps_words(folder), *QUICK]) == 0
    return folder, rows, maps


def read(folder, name, what):
    path = folder / "out" / "group" / f"contrast-slope_{name}"
    if what == "table":
        return pd.read_csv(path.with_suffix(".tsv"), sep="\t", na_values="n/a")
    return np.asarray(nib.load(f"{path}_statmap.nii.gz").dataobj)


@pytest.fixture(scope="module")
def by_hand(finished):
    """The same design in Python: the design, and which voxels were tested."""
    folder, rows, maps = finished
    labels = np.repeat(GROUPS, SIZES).tolist()
    design = ordered(labels, GROUPS, None, rows[["age"]])
    tested = np.isfinite(read(folder, "stat-t", "map"))
    return design, tested, maps[:, tested]


def test_the_trend_is_a_contrast_with_all_that_contrasts_have(finished, by_hand):
    folder, (design, tested, data) = finished[0], by_hand
    wanted = contrast(data, design, "welch")
    np.testing.assert_allclose(read(folder, "stat-t", "map")[tested], wanted["t"], rtol=1e-4)
    np.testing.assert_allclose(
        read(folder, "stat-effect", "map")[tested], wanted["effect"], atol=1e-5
    )
    names = {path.name for path in (folder / "out" / "group").iterdir()}
    for end in ("clusters.tsv", "stat-tfce_desc-fwe_statmap.nii.gz", "parcels.tsv", "effects.tsv"):
        assert f"contrast-slope_{end}" in names
    assert not [name for name in names if "minus" in name]
    clusters = read(folder, "clusters", "table")
    assert clusters.loc[0, "sign"] == "negative"


def test_neighbours_together_are_the_least_t_and_the_largest_p(finished, by_hand):
    folder, (design, tested, data) = finished[0], by_hand
    each = [
        permutation_test(data, replace(design, contrast=weights), 50, variance="welch")
        for weights in neighbour_weights(3, len(design.names))
    ]
    t = np.stack([own["statistic"] for own in each])
    fitted = [
        contrast(data, replace(design, contrast=weights), "welch")
        for weights in neighbour_weights(3, len(design.names))
    ]
    own, freedom = (np.stack([one[name] for one in fitted]) for name in ("t", "dof"))
    at_14 = np.sign(own) * stats.t.isf(stats.t.sf(np.abs(own), freedom), design.dof)
    rises, falls = (t > 0).all(axis=0), (t < 0).all(axis=0)
    least = np.where(rises, at_14.min(axis=0), np.where(falls, at_14.max(axis=0), 0))
    found = read(folder, "stat-t_desc-ordered", "map")[tested]
    np.testing.assert_allclose(found, least, rtol=1e-4, atol=1e-4)
    largest = np.where(rises | falls, np.max([own["p_fwe"] for own in each], axis=0), 1)
    fwe = read(folder, "stat-t_desc-orderedfwe", "map")[tested]
    np.testing.assert_allclose(10.0**-fwe, largest, rtol=1e-5)
    assert np.isnan(read(folder, "stat-t_desc-ordered", "map")[~tested]).all()


def test_clusters_of_the_neighbours_are_of_their_own_size(finished):
    """The planted block is one cluster of each neighbour: its voxels have their extent's p."""
    folder = finished[0]
    rows = read(folder, "ordered", "table")
    assert rows.loc[0, "sign"] == "negative"
    assert (rows["t_psps2_minus_hc"] < 0).all() and (rows["t_psp_minus_psps2"] < 0).all()
    shown = [c for c in rows if c.startswith("p_fwe_")]
    assert shown == ["p_fwe_max_t", "p_fwe_tfce", "p_fwe_extent"]
    extent = 10.0 ** -read(folder, "stat-extent_desc-orderedfwe", "map")
    assert extent[np.isfinite(extent)].min() == pytest.approx(1 / 51, rel=1e-5)
    assert rows.loc[0, "p_fwe_extent"] == pytest.approx(1 / 51, rel=1e-5)


def test_regions_hold_every_neighbour_and_all_together(finished):
    rows = read(finished[0], "ordered_regions", "table")
    assert len(rows) == 119
    p = rows[["p_psps2_minus_hc", "p_psp_minus_psps2"]].to_numpy()
    t = rows[["t_psps2_minus_hc", "t_psp_minus_psps2"]].to_numpy()
    one_sign = (t > 0).all(axis=1) | (t < 0).all(axis=1)
    wanted = np.where(one_sign, p.max(axis=1), 1)
    np.testing.assert_allclose(rows["p_all_neighbours"], wanted)
    q = stats.false_discovery_control(wanted)
    np.testing.assert_allclose(rows["q_all_neighbours"], q, rtol=1e-6)


def test_people_left_out_show_the_effect_by_group(finished):
    folder = finished[0]
    people = read(folder, "ordered_left_out", "table")
    assert len(people) == 2 * 18
    falling = people[people["direction"] == "falling"].reset_index(drop=True)
    assert falling["clusters"].ge(1).all()
    assert falling["row"].tolist() == [f"observation-{k + 1}" for k in range(18)]
    groups = read(folder, "ordered_left_out_groups", "table")
    chosen = groups[(groups["direction"] == "falling") & (groups["measure"] == "effect")]
    means = chosen.set_index("group")["mean"]
    assert means.index.tolist() == list(GROUPS)
    steps = np.diff(means)
    np.testing.assert_allclose(steps, -0.25, atol=0.05)
    percent = 100 * falling["effect"] / falling["mean_everybody"]
    np.testing.assert_allclose(falling["percent"], percent, rtol=1e-6)


def test_the_report_has_a_section_methods_and_references(finished):
    out = finished[0] / "out"
    page = (out / "report.html").read_text()
    assert "Order of the groups" in page
    assert "linear trend over hc, psps2, psp" in page
    assert "falling clusters found without the person: distance from everybody" in page
    methods = (out / "methods.md").read_text()
    assert "intersection-union test [@berger1982]" in methods
    assert "@esterman2010" in methods
    assert "Technometrics" in page
    keys = json.loads((out / "provenance.json").read_text())["group_parts"]["ordered"]
    assert {"ordered", "left_out", "left_out_effects"} <= set(keys["slope"])
    assert "sub-" not in json.dumps(keys)


@pytest.mark.heavy
def test_one_direction_and_switched_off(finished):
    folder = finished[0]
    falling = FORM.replace("}", ", direction: rising}")
    (folder / "studies" / "cohort" / "small.yaml").write_text(COHORT.format(form=falling))
    words = [*maps_words(folder), *QUICK]
    place = f"output_dir={folder / 'rising'}"
    assert command([*words, place]) == 0
    group = folder / "rising" / "group"
    assert not len(pd.read_csv(group / "contrast-slope_ordered.tsv", sep="\t"))
    people = pd.read_csv(group / "contrast-slope_ordered_left_out.tsv", sep="\t")
    assert set(people["direction"]) == {"rising"}
    place = f"output_dir={folder / 'none'}"
    assert command([*words, place, "ordered.neighbours=false", "ordered.left_out=false"]) == 0
    assert not list((folder / "none" / "group").glob("*ordered*"))
    assert "Order of the groups" not in (folder / "none" / "report.html").read_text()


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("{test: ordered, groups: [hc, psp]}", "name three groups or more"),
        ("{test: ordered, groups: [hc, psp, hc]}", "hc is named twice"),
        ("{test: ordered, groups: [hc, psp, who]}", "who, which is not one of the groups"),
        ("{test: ordered, groups: [hc, psp, psps2], scores: [0, 1]}", "[0, 1] for 3 groups"),
        ("{test: ordered, groups: [hc, psp, psps2], scores: [0, 2, 2]}", "do not increase"),
        ("{test: ordered, groups: [hc, psp, psps2], direction: down}", "direction"),
        ("{test: trend, groups: [hc, psp, psps2]}", "anova, ordered or regression"),
    ],
)
def test_what_is_no_order_is_refused_in_one_line(tmp_path, capsys, form, message):
    write_study(tmp_path, form)
    assert command([*maps_words(tmp_path), *QUICK]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "Traceback" not in error
    assert len(error.splitlines()) == 1


def test_a_group_without_people_is_refused(tmp_path, capsys):
    write_study(tmp_path, "{test: ordered, groups: [hc, psps2, nobody]}")
    path = tmp_path / "studies" / "cohort" / "small.yaml"
    path.write_text(path.read_text().replace("psp: P", "psp: P, nobody: X"))
    assert command([*maps_words(tmp_path), *QUICK]) == 2
    error = capsys.readouterr().err.strip()
    assert "nobody" in error
    assert len(error.splitlines()) == 1


def test_every_table_is_described(finished):
    assert undescribed(finished[0] / "out") == []
