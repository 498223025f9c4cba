"""The cortex to turn: what the browser unpacks, what is offered, how large it is."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import fake_cortex as cortex
import numpy as np
import pytest
from fake_report import fake_content
from page_reader import PageReader
from test_report_viewer import unpack, values

from rt1t2_dask import assets
from rt1t2_dask.morphometry.surface import SURFACES, hemisphere
from rt1t2_dask.report.cortex.mesh_parts import Bits, MeshView, bits
from rt1t2_dask.report.cortex.mesh_view import STEP_MM, MeshMaps, mesh_view
from rt1t2_dask.report.page import render

ADDED_BYTES = 1_500_000
"""What a study with one contrast may add to the page."""


@pytest.fixture(scope="module")
def view() -> MeshView:
    return mesh_view(cortex.maps(), simulated=True)


def numbers(packed: Bits, shape: tuple[int, ...]) -> np.ndarray:
    return unpack(packed.base64, packed.bits, shape)


def test_places_faces_and_regions_come_back(view: MeshView) -> None:
    both = 2 * cortex.VERTICES
    for told, (side, mesh) in zip(view.settings["sides"], cortex.meshes().items(), strict=True):
        assert (told["side"], told["vertices"]) == (side, cortex.VERTICES)
        codes = numbers(view.parts[f"{side}-places"], mesh.inflated.shape)
        places = np.array(told["low"]) + told["step"] * codes
        assert np.abs(places - mesh.inflated).max() <= STEP_MM / 2 + 1e-9
        faces = numbers(view.parts[f"{side}-faces"], mesh.faces.T.shape).T
        np.testing.assert_array_equal(faces, mesh.faces)
        greys = numbers(view.parts[f"{side}-sulci"], (cortex.VERTICES,))
        assert np.corrcoef(greys, mesh.sulci)[0, 1] > 0.95
    assert [told["first"] for told in view.settings["sides"]] == [0, cortex.VERTICES]
    index = numbers(view.parts["regions"], (both,))
    named = [view.settings["regions"][k] for k in index]
    assert named[0] == "lh_upper" and named[cortex.VERTICES - 1] == ""
    np.testing.assert_array_equal(numbers(view.clusters[0], (both,)), cortex.contrast().clusters)


def test_maps_keep_their_values_and_what_is_missing(view: MeshView) -> None:
    offered = [layer.settings for layer in view.layers]
    assert [told["map"] for told in offered] == ["t", "effect", "g", "fwe", "mean"]
    assert [told["contrast"] for told in offered] == [0, 0, 0, 0, -1]
    assert offered[0]["height"] == 3.42
    assert offered[3]["height"] == pytest.approx(-math.log10(0.05))
    assert 1.2 < offered[4]["height"] < 1.4
    t = values(view.layers[0], (2 * cortex.VERTICES,))
    np.testing.assert_allclose(t, cortex.t_values(), atol=0.0051)
    assert np.isnan(t).sum() > 50
    assert json.loads(json.dumps(offered)) == offered


def test_peaks_are_those_of_the_table_and_several_contrasts_are_told_apart(view: MeshView) -> None:
    (first, at), (second, _) = view.peaks
    table = cortex.contrast().table
    assert first.startswith("1: left, lh_front, t = ") and second.startswith("2: right, t = ")
    assert at == {"map": 0, "side": "left", "vertex": table["peak_vertex"][0]}
    assert {layer.settings["of"] for layer in view.layers} == {""}
    three = mesh_view(cortex.maps(3), simulated=False)
    assert [own.settings["of"] for own in three.layers[3:9]] == ["pspVsHc"] + ["psVsHc"] * 4 + [
        "pspVsPs"
    ]
    assert three.peaks[2][0].startswith("psVsHc: 1: left") and three.peaks[2][1]["map"] == 4
    assert len(three.clusters) == 3 and three.settings["mark"] == ""


def test_pairs_and_several_groups_are_named_as_in_the_volume() -> None:
    maps = cortex.maps()
    paired = mesh_view(replace(maps, contrasts=[replace(cortex.contrast(), paired=True)]), True)
    assert [own.settings["map"] for own in paired.layers][2] == "dz"
    found = replace(cortex.contrast(), statistic="F", maps={"t": np.abs(cortex.t_values())})
    several = mesh_view(replace(maps, contrasts=[found]), True)
    told = several.layers[0].settings
    assert (told["symbol"], told["signed"]) == ("F", False)


@pytest.mark.parametrize(("largest", "width"), [(255, 8), (256, 16), (65_535, 16), (65_536, 32)])
def test_numbers_take_as_few_bytes_as_hold_them(largest: int, width: int) -> None:
    packed = bits(np.array([0, 3, largest]))
    assert packed.bits == width
    np.testing.assert_array_equal(numbers(packed, (3,)), [0, 3, largest])


def real(contrasts: int) -> MeshMaps:
    """Maps as rough as those of a study, on fsaverage5."""
    meshes = {
        side: hemisphere({n: assets.read(assets.resolve(f"fsaverage5_{n}_{side}"))
                          for n in SURFACES})
        for side in ("left", "right")
    }  # fmt: skip
    rng = np.random.default_rng(0)
    places = np.concatenate([own.middle for own in meshes.values()])
    waves = rng.normal(size=(3, 40)) / 8
    smooth = [np.cos(places @ waves + rng.uniform(0, 6, 40)).sum(axis=1) for _ in range(8)]
    names = ("t", "effect", "hedges_g", "p_fwe", "p_fwe_tfce")
    found = [
        replace(cortex.contrast(f"contrast{k}"), clusters=(smooth[0] > 8).astype(int),
                maps=dict(zip(names, [smooth[0], *map(np.abs, smooth[1:])], strict=False)))
        for k in range(contrasts)
    ]  # fmt: skip
    means = {f"Mean {k}": 1.4 + 0.01 * smooth[5 + k] for k in range(3)}
    return MeshMaps(meshes, found, means, cortex.Regions(np.arange(len(places)) // 300, {}))


@pytest.mark.assets
def test_what_it_adds_to_the_page_is_small() -> None:
    content = replace(fake_content(), contrasts=(), receptors=None, template=None)
    sizes = []
    for contrasts in (0, 1, 3):
        view = mesh_view(real(contrasts), True) if contrasts else None
        page = render(replace(content, sections=(cortex.section(mesh=view),)), {})
        sizes.append(len(page.encode()))
    one, three = (size - sizes[0] for size in sizes[1:])
    assert 200_000 < one < ADDED_BYTES
    assert one < three < 2 * one


def test_the_page_holds_it_folded_with_words_for_those_without_webgl(view: MeshView) -> None:
    content = replace(fake_content(), contrasts=(), receptors=None, template=None)
    page = render(replace(content, sections=(cortex.section(mesh=view),)), {})
    reader = PageReader(page)
    assert (reader.unbalanced, reader.still_open) == ([], [])
    assert "Turning needs a browser with scripts, WebGL 2" in reader.words
    folds = [own for own in reader.named("details") if own.get("class") == "mesh-fold"]
    assert folds == [{"class": "mesh-fold"}]
    pressed = [own for own in reader.named("button") if "aria-pressed" in own]
    assert sum(own["aria-pressed"] == "true" for own in pressed) == 2
    without = render(replace(content, sections=(cortex.section(),)), {})
    assert 'mesh-fold"' not in without and "webgl2" not in without
