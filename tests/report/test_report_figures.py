"""Figures: there when there is data, the same bytes every time, simulated data marked."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from fake_report import fake_content, fake_contrast, fake_receptors, fake_t_map, fake_template
from PIL import Image

from rt1t2_dask.report.content import Place, ReportContent
from rt1t2_dask.report.figures.catalogue import draw_all
from rt1t2_dask.report.figures.cohort_figures import ages
from rt1t2_dask.report.figures.glass_brain import glass_brain
from rt1t2_dask.report.figures.mosaic import Strip, mosaic, of
from rt1t2_dask.report.figures.picture import Picture
from rt1t2_dask.report.figures.planes import box_round
from rt1t2_dask.report.figures.receptor_figures import receptor_bars
from rt1t2_dask.report.figures.scene import signed_colours
from rt1t2_dask.report.figures.slice_figures import cluster_slices, place_slices
from rt1t2_dask.report.numbers import decimal

ALL = {
    "contrast-pspVsHc_clusters",
    "contrast-pspVsHc_glass",
    "contrast-pspVsHc_places",
    "contrast-pspVsHc_overview",
    "receptors_bars",
    "receptors_radar",
    "receptors_heat",
    "participants_age",
    "pipeline",
    "lesions_overlap",
    "quality_numbers",
    "quality_coverage",
}


def words(picture: Picture) -> str:
    return " ".join(text.get_text() for text in picture.figure.findobj(mpl.text.Text))


def a_mosaic(simulated: bool) -> Picture:
    template = fake_template()
    brain = template.with_data(template.data > 0)
    ratio = template.with_data(np.where(brain.data, template.data, np.nan))
    box = box_round(brain.data, brain.affine)
    strips = [
        Strip("T1w", box, of(template), {"template brain": of(brain, 0)}),
        Strip("ratio", box, of(ratio), {}, "T1w/T2w ratio"),
    ]
    return mosaic(strips, simulated, "sub-001 <PSP>", "brain_ml 612 is under 900")


def test_every_kind_of_data_has_its_figure(pictures: dict[str, Picture]) -> None:
    assert set(pictures) == ALL


@pytest.mark.parametrize("name", sorted(ALL))
def test_simulated_is_written_in_the_picture(pictures: dict[str, Picture], name: str) -> None:
    assert words(pictures[name]).count("SIMULATED DATA") >= 2
    top = np.asarray(Image.open(io.BytesIO(pictures[name].png())).convert("RGB"))[2]
    assert (top == [255, 209, 102]).all()


@pytest.mark.heavy
def test_measured_data_carries_no_mark() -> None:
    for picture in [*draw_all(fake_content(simulated=False)).values(), a_mosaic(False)]:
        assert "SIMULATED" not in words(picture).upper()


def test_the_mosaic_is_marked_and_names_masks_and_person() -> None:
    picture = a_mosaic(True)
    said = words(picture)
    for phrase in ("SIMULATED DATA", "template brain", "sub-001 <PSP>", "T1w/T2w ratio"):
        assert phrase in said
    assert "FLAGGED: brain_ml 612 is under 900" in said
    for side in ("L", "R", "P", "A"):
        assert side in said.split()


def test_the_left_of_a_mosaic_is_the_left_of_the_person() -> None:
    template = fake_template()
    left = template.with_data(template.grid.world()[..., 0] < -5)
    strip = Strip(
        "T1w", box_round(template.data > 0, template.affine), of(template), {"x": of(left, 0)}
    )
    drawn = mosaic([strip], False).figure.findobj(mpl.image.AxesImage)[0].get_array()
    first = drawn[:, : drawn.shape[1] // 12]
    coloured = np.ptp(first, axis=2) > 0.1
    assert coloured[:, : first.shape[1] // 2].sum() > 20


def test_pixels_follow_resolution(pictures: dict[str, Picture]) -> None:
    picture = pictures["participants_age"]
    width, height = picture.figure.get_size_inches()
    for dpi in (150, 300):
        image = Image.open(io.BytesIO(picture.png(dpi)))
        assert image.size == (int(width * dpi), int(height * dpi))
        assert image.info["dpi"][0] == pytest.approx(dpi, abs=0.1)


@pytest.mark.heavy
def test_same_input_same_bytes_whatever_the_user_has_set(pictures: dict[str, Picture]) -> None:
    first = {name: picture.png() for name, picture in pictures.items()}
    with mpl.rc_context({"font.size": 20, "axes.facecolor": "red", "savefig.dpi": 30}):
        again = draw_all(fake_content())
        second = {name: picture.png() for name, picture in again.items()}
    assert first == second
    assert all(b"Software" not in png for png in first.values())
    bars = pictures["receptors_bars"].svg()
    assert bars == again["receptors_bars"].svg()
    assert b"<dc:date>" not in bars


def test_without_clusters_only_whole_maps_are_drawn() -> None:
    flat = fake_contrast(fake_t_map(bumps=()))
    assert flat.clusters.empty
    content = replace(
        fake_content(), contrasts=(flat,), receptors=None, lesion_count=None, quality=None,
        coverage=None,
    )  # fmt: skip
    maps = {"contrast-pspVsHc_overview", "contrast-pspVsHc_places"}
    assert set(draw_all(content)) == {*maps, "participants_age", "pipeline"}


def test_bare_content_draws_nothing() -> None:
    assert draw_all(ReportContent("tiny", {}, "recommended", {"PSP": 1})) == {}


def test_cluster_rows_name_peak_and_sides(pictures: dict[str, Picture]) -> None:
    result = fake_content().contrasts[0]
    shown = words(pictures["contrast-pspVsHc_clusters"])
    for region in result.clusters["region"]:
        assert region in shown
    assert "axial, z = 12 mm" in shown
    assert "t (df = 27)" in shown
    assert {"L", "R", "P", "A"} <= set(shown.split())


@pytest.mark.parametrize("growing", [1, -1])
def test_clusters_are_drawn_in_the_order_of_the_table(growing: int) -> None:
    result = fake_contrast(fake_t_map())
    numbers = result.clusters["cluster"]
    clusters = result.clusters.assign(volume_mm3=1000.0 + growing * 100 * numbers)
    drawn = cluster_slices(replace(result, clusters=clusters), fake_template(), simulated=True)
    assert drawn is not None
    assert [int(n) for n in re.findall(r"Cluster (\d+)", words(drawn))] == numbers.tolist()


def test_marks_on_bars_follow_p_and_q() -> None:
    table = fake_receptors(["PSP"])
    picture = receptor_bars(table, None, simulated=False)
    axes = picture.figure.axes[0]
    marks = {round(note.xy[1]): note.get_text() for note in axes.texts}
    expected = {
        k: "**" if row.q_fdr < 0.05 else "*"
        for k, row in enumerate(table.itertuples())
        if min(row.q_fdr, row.p_permutation) < 0.05
    }
    assert marks == expected
    widths = [bar.get_width() for bar in axes.patches]
    np.testing.assert_allclose(widths, table["mean_fisher_z"])


def test_two_groups_two_panels_on_one_scale() -> None:
    picture = receptor_bars(fake_receptors(["PSP", "PSPS2"]), None, simulated=False)
    titles = [axes.get_title() for axes in picture.figure.axes]
    assert titles == ["PSP", "PSPS2"]
    assert len({axes.get_xlim() for axes in picture.figure.axes}) == 1


def test_signs_have_different_hue_and_grey_lies_between() -> None:
    colours, norm = signed_colours(3.0, 6.0)
    orange, blue, grey = (np.array(colours(norm(t))) for t in (4.0, -4.0, 1.0))
    assert orange[0] > orange[2]
    assert blue[2] > blue[0]
    assert grey[0] == grey[1] == grey[2]


def test_missing_ages_are_counted() -> None:
    content = fake_content()
    picture = ages(content.participants, content.groups, simulated=True)
    assert picture is not None
    assert "unknown for 1 person" in picture.caption
    nobody = content.participants.assign(age=np.nan)
    assert ages(nobody, content.groups, simulated=True) is None


def test_an_empty_receptor_table_draws_nothing() -> None:
    empty = replace(
        fake_content(), template=None, receptors=fake_receptors(["PSP"]).iloc[:0], quality=None
    )
    assert set(draw_all(empty)) == {"participants_age", "pipeline"}


def test_fixed_places_tell_the_value_there_whatever_was_found() -> None:
    t_map = fake_t_map(bumps=())
    result, template = fake_contrast(t_map), fake_template()
    places = [Place("thalamus", (-10, -22, 12)), Place("outside", (80, 60, 70))]
    picture = place_slices(result, template, places, simulated=False)
    assert picture is not None
    index = np.rint(np.linalg.inv(t_map.affine) @ [-10, -22, 12, 1])[:3].astype(int)
    said = words(picture)
    assert f"thalamus: −10 −22 12 mm, t = {decimal(t_map.data[tuple(index)])}" in said
    assert "outside: 80 60 70 mm, not analysed" in said
    assert {"x (mm)", "y (mm)", "z (mm)"} <= {axes.get_xlabel() for axes in picture.figure.axes} | {
        axes.get_ylabel() for axes in picture.figure.axes
    }
    assert place_slices(result, template, (), simulated=False) is None


def test_the_glass_brain_numbers_the_clusters_where_their_peaks_are(
    pictures: dict[str, Picture],
) -> None:
    result = fake_content().contrasts[0]
    lateral, behind, above = pictures["contrast-pspVsHc_glass"].figure.axes[:3]
    for axes, (across, up) in ((lateral, "yz"), (behind, "xz"), (above, "xy")):
        for row in result.clusters.to_dict("records"):
            name = f"{row['cluster']}{'+' if row['sign'] == 'positive' else '−'}"
            (label,) = [text for text in axes.texts if text.get_text() == name]
            assert label.get_position() == (row[f"peak_{across}_mm"], row[f"peak_{up}_mm"])
            left, right = axes.get_xlim()
            assert left < row[f"peak_{across}_mm"] < right
    assert glass_brain(fake_contrast(fake_t_map(bumps=())), fake_template(), True) is None
