"""The outline on the cortex: closed lines between vertices inside and outside."""

from __future__ import annotations

from collections import Counter

import fake_cortex as cortex
import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from rt1t2_dask.report.figures.surface_figure import border, draw_view, painted


@pytest.mark.parametrize("held", [1, 2])
def test_a_face_is_crossed_between_its_mixed_edges(held: int) -> None:
    inside = np.arange(3) < held
    ((first, second),) = border(np.array([[0, 1, 2]]), inside)
    edges = {tuple(sorted(edge)) for edge in (first.tolist(), second.tolist())}
    assert edges == ({(0, 1), (0, 2)} if held == 1 else {(0, 2), (1, 2)})
    for edge in edges:
        assert inside[list(edge)].sum() == 1


def test_on_a_closed_surface_every_line_is_closed() -> None:
    mesh = cortex.hemisphere(0.0)
    inside = np.random.default_rng(0).random(cortex.VERTICES) < 0.3
    ends = border(mesh.faces, inside).reshape(-1, 2)
    met = Counter(tuple(sorted(edge)) for edge in ends.tolist())
    assert len(met) > 100 and set(met.values()) == {2}
    assert len(border(mesh.faces, np.zeros(cortex.VERTICES, bool))) == 0


@pytest.mark.parametrize("seen", [("left", "lateral"), ("left", "medial")])
@pytest.mark.parametrize("turned", [False, True], ids=["outward", "inward"])
def test_only_the_side_that_is_seen_is_outlined(seen: tuple[str, str], turned: bool) -> None:
    mesh = cortex.hemisphere(-32.0)
    if turned:
        mesh = type(mesh)(mesh.inflated, mesh.middle, mesh.sphere, mesh.faces[:, ::-1], mesh.sulci)
    far = np.linalg.norm(mesh.inflated - [-60.0, -15.0, 10.0], axis=1)
    axes = Figure().add_subplot()
    scale = Normalize(-1, 1), mpl.colormaps["RdBu_r"]
    draw_view(axes, mesh, seen, painted(mesh, np.zeros(cortex.VERTICES), scale), far < 20)
    (lines,) = [own for own in axes.collections if isinstance(own, LineCollection)]
    assert bool(len(lines.get_segments())) is (seen[1] == "lateral")
