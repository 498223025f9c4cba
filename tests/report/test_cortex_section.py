"""What the section on the cortex says: the search, a test that stopped early, depths."""

from __future__ import annotations

from typing import Any

import fake_cortex as cortex
import numpy as np
import pandas as pd
import pytest

from rt1t2_dask.report.cortex.depths import depth_figure


def words(**more: Any) -> str:
    return " ".join(cortex.section(**more).sentences)


def test_what_was_searched_is_said_as_for_the_volume() -> None:
    said = words()
    assert "Searched: 2,700 vertices of both hemispheres, 1,812 cm²" in said
    assert "smoothness of the residuals 12.3 mm FWHM, 87.6 resels." in said


@pytest.mark.parametrize(
    ("fwhm", "end"), [(None, "residuals is not known."), (0.0, "0.0 mm FWHM.")]
)
def test_noise_that_is_not_smooth_has_no_resels(fwhm: float | None, end: str) -> None:
    found = {"vertices": 1, "area_mm2": 1.0, "fwhm_mm": fwhm, "resels": None}
    assert end in words(searched={"pspVsHc": found})


def test_relabelings_that_stopped_early_are_said() -> None:
    told = {"n": 256, "n_planned": 1000, "early_stop": 20, "p": {"max_t": 0.3, "tfce": 0.4}}
    said = words(permuted={"pspVsHc": told})
    assert "Smallest family-wise p of 256 relabelings: vertex 0.3000, TFCE 0.4000." in said
    assert "Stopped early: 256 of 1,000 planned relabelings" in said
    assert "Stopped early" not in words(permuted={"pspVsHc": told | {"early_stop": None}})


def depths() -> pd.DataFrame:
    rows = [
        (f"sub-{group}{k}", group, depth, side, 1.6 - slope * depth + 0.02 * k, 900)
        for group, slope in (("psp", 0.4), ("hc", 0.2))
        for k in range(4)
        for side in ("left", "both")
        for depth in (0.2, 0.5, 0.8)
    ]
    names = ["participant_id", "group", "depth", "hemisphere", "mean_ratio", "vertices"]
    return pd.DataFrame(rows, columns=names)


def test_depths_are_said_and_cited() -> None:
    section = cortex.section(depths=depths())
    assert "psp 1.55 at depth 0.2 and 1.31 at 0.8" in " ".join(section.sentences)
    assert "waehnert2014" in section.cites and "at depths 0.2, 0.5, 0.8" in section.methods[0]
    assert "waehnert2014" not in cortex.section().cites


def test_each_person_has_a_thin_line_and_each_group_its_mean_and_interval() -> None:
    picture = depth_figure(depths(), simulated=False)
    (axes,) = picture.figure.axes
    thin = [line for line in axes.lines if line.get_linewidth() < 1 and len(line.get_xdata()) == 3]
    assert len(thin) == 8
    means = {bars.get_label(): bars[0].get_ydata() for bars in axes.containers}
    np.testing.assert_allclose(np.array(means["psp (n = 4)"], float), [1.55, 1.43, 1.31])
    half = np.array(axes.containers[0][2][0].get_segments()[0], float)[:, 1]
    spread = np.std([0.0, 0.02, 0.04, 0.06], ddof=1) / 2
    assert half[1] - half[0] == pytest.approx(2 * 3.182446 * spread, rel=1e-5)
    assert "thin" in picture.caption and "hc 1.59" in picture.alt
