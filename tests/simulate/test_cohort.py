from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from rt1t2_dask.simulate.cohort import (
    PAPER_EFFECTS,
    PAPER_GROUPS,
    GroupSpec,
    paper_effects,
    people,
    person_seed,
    simulate_participant,
)
from rt1t2_dask.simulate.head import HeadModel


def test_the_papers_groups() -> None:
    """van Grinsven et al. 2025, Table 1: n and sex exactly, age as a sample of that size."""
    table = people(PAPER_GROUPS, seed=0)
    assert table["participant_id"].iloc[0] == "sub-PSP01"
    assert table["participant_id"].iloc[-1] == "sub-HC18"
    counts = table.groupby("group")["sex"].value_counts().unstack()
    assert counts.loc["PSP"].to_dict() == {"F": 7, "M": 4}
    assert counts.loc["PSPS2"].to_dict() == {"F": 7, "M": 8}
    assert counts.loc["HC"].to_dict() == {"F": 9, "M": 9}
    assert table["participant_id"].str.fullmatch(r"sub-[A-Za-z0-9]+").all()


def test_ages_are_normal_with_the_papers_mean_and_spread() -> None:
    ages = people({"PSP": replace(PAPER_GROUPS["PSP"], n=900)}, seed=4)["age"]
    assert ages.mean() == pytest.approx(64.3, abs=4 * 12.5 / 30)
    assert ages.std() == pytest.approx(12.5, rel=0.1)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**9), n_other=st.integers(1, 30))
def test_a_person_does_not_depend_on_other_groups(seed: int, n_other: int) -> None:
    alone = people({"HC": PAPER_GROUPS["HC"]}, seed)
    other = GroupSpec("X", n_other, 40.0, 5.0, 0)
    together = people({"X": other, "HC": PAPER_GROUPS["HC"]}, seed)
    kept = together[together["group"] == "HC"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, kept)


@given(n=st.integers(1, 60), share=st.floats(0, 1))
def test_every_group_has_its_men(n: int, share: float) -> None:
    n_male = round(n * share)
    table = people({"G": GroupSpec("G", n, 50.0, 10.0, n_male)}, seed=1)
    assert (table["sex"] == "M").sum() == n_male


def test_seeds_differ_between_people_and_never_between_runs() -> None:
    seeds = {person_seed(0, f"sub-HC{i:02d}") for i in range(100)}
    assert len(seeds) == 100
    # `printf sub-HC01 | sha256sum` begins 8fd4b3cd; little-endian.
    assert person_seed(7, "sub-HC01")[:2] == (7, 0xCDB3D48F)


def test_effects_lie_inside_the_brain_and_near_the_papers_peaks(head: HeadModel) -> None:
    moved = paper_effects(head)
    assert [e.name for e in moved] == [e.name for e in PAPER_EFFECTS]
    padded = np.pad(head.brain[::2, ::2, ::2], 1, mode="edge")
    depth = 2 * distance_transform_edt(padded)[1:-1, 1:-1, 1:-1]
    for before, after in zip(PAPER_EFFECTS, moved, strict=True):
        assert np.linalg.norm(np.subtract(before.centre_mm, after.centre_mm)) < 8
        index = np.rint((np.array(after.centre_mm) - head.grid.affine[:3, 3]) / 2).astype(int)
        assert depth[tuple(index)] >= 4


def test_groups_differ_by_effects_and_lesions_only(head: HeadModel) -> None:
    effects = paper_effects(head)
    simulate = {
        name: simulate_participant(head, "sub-PSP01", spec, seed=3, voxel_mm=5, effects=effects)
        for name, spec in PAPER_GROUPS.items()
    }
    assert simulate["PSP"].lesion is not None and simulate["HC"].lesion is None
    np.testing.assert_array_equal(simulate["PSPS2"].t1w.data, simulate["HC"].t1w.data)
    np.testing.assert_array_equal(
        simulate["PSP"].truth.template_mm, simulate["HC"].truth.template_mm
    )
    difference = simulate["PSP"].truth.ratio_change.data - simulate["HC"].truth.ratio_change.data
    assert difference.min() < -0.1 and difference.max() < 0.02
