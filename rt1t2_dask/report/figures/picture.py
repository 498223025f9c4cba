"""Figures with one style, reproducible bytes, and marks on simulated data."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox
from PIL.Image import Image, frombuffer

from rt1t2_dask.report.figures.thumbnail import halved

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colour-blind-safe colours (Okabe and Ito 2008)."""

SIMULATED_MARK = "SIMULATED DATA"
ALARM, BANNER = "#B00020", "#FFD166"
PAGE_DPI = 150
PRINT_DPI = 300
_BAR_IN = 0.3
_PLACES = 5

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.hashsalt": "rt1t2_dask",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Apply the project's matplotlib settings instead of the user's matplotlibrc."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


@dataclass(frozen=True)
class Picture:
    """A figure with its caption and alternative text.

    Parameters
    ----------
    figure : Figure
        Drawn within `house_style`.
    alt : str
        Alternative text.
    caption : str
    """

    figure: Figure
    alt: str
    caption: str
    _drawn: dict[tuple[str, int], bytes] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        with house_style():
            _settle(self.figure)

    def png(self, dpi: int = PAGE_DPI) -> bytes:
        """Render PNG without date or version: the same figure gives the same bytes."""
        return self._saved("png", {"Software": None}, dpi)

    def pixels(self, dpi: int) -> Image:
        """Render like `png`, neither compressed nor cached."""
        out = io.BytesIO()
        with house_style():
            self.figure.savefig(out, format="rgba", dpi=dpi)
        width, height = (int(side * dpi) for side in self.figure.get_size_inches())
        return frombuffer("RGBA", (width, height), out.getvalue())

    def paged(self, print_dpi: int = PRINT_DPI) -> bytes:
        """Return the PNG for the page: that for print, or half its size, without drawing again."""
        halve = print_dpi == 2 * PAGE_DPI
        return halved(self.png(print_dpi)) if halve else self.png(min(print_dpi, PAGE_DPI))

    def svg(self, dpi: int = PRINT_DPI) -> bytes:
        """Render SVG with text as paths, images at print resolution and fixed identifiers."""
        return self._saved("svg", {"Date": None, "Creator": None}, dpi)

    def _saved(self, form: str, metadata: dict[str, None], dpi: int) -> bytes:
        if (form, dpi) not in self._drawn:
            out = io.BytesIO()
            with house_style():
                self.figure.savefig(out, format=form, dpi=dpi, metadata=metadata)
            self._drawn[form, dpi] = out.getvalue()
        return self._drawn[form, dpi]


def new_figure(width_in: float, height_in: float, simulated: bool) -> Figure:
    """Create a figure; marked at its top edge and centre for simulated data.

    Parameters
    ----------
    width_in, height_in : float
        Inches for the content; the mark's bar is added to the height.
    simulated : bool
    """
    bar_in = _BAR_IN if simulated else 0.0
    share = height_in / (height_in + bar_in)
    layout = ConstrainedLayoutEngine(rect=(0, 0, 1, share))
    figure = Figure(figsize=(width_in, height_in + bar_in), layout=layout)
    if simulated:
        _mark(figure, share)
    return figure


def stacked(figure: Figure, heights: list[float]) -> list[SubFigure]:
    """Divide a figure into rows of the given heights."""
    parts: Any = figure.subfigures(len(heights), 1, height_ratios=heights)
    return list(parts)


def _settle(figure: Figure) -> None:
    """Lay out once and round: the solver's sums depend on memory order."""
    layout = figure.get_layout_engine()
    assert layout is not None
    layout.execute(figure)
    # Without a layout engine, saving draws once instead of twice.
    figure.set_layout_engine(None)
    for part in figure.subfigs:
        part.bbox_relative.set_points(part.bbox_relative.get_points().round(_PLACES))
        for text in part.texts:
            x, y = text.get_position()
            text.set_position((round(x, _PLACES), round(y, _PLACES)))
    for axes in figure.axes:
        axes.set_position(Bbox(axes.get_position(original=True).get_points().round(_PLACES)))


def _mark(figure: Figure, share: float) -> None:
    bar = Rectangle((0, share), 1, 1 - share, facecolor=BANNER, edgecolor="none", zorder=50)
    bar.set_transform(figure.transFigure)
    figure.add_artist(bar)
    figure.text(
        0.5,
        (1 + share) / 2,
        f"{SIMULATED_MARK} \N{EN DASH} not from people",
        ha="center",
        va="center",
        color="#3D2B00",
        fontsize=min(11.0, 2.2 * float(figure.get_figwidth())),
        fontweight="bold",
        zorder=51,
    )
    figure.text(
        0.5,
        share / 2,
        SIMULATED_MARK,
        ha="center",
        va="center",
        rotation=25,
        color=ALARM,
        alpha=0.22,
        fontsize=4.2 * float(figure.get_figwidth()),
        fontweight="bold",
        zorder=60,
    )
