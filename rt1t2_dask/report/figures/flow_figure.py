"""The pipeline of the run as a flow chart (the paper's Figure 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Patch

from rt1t2_dask.report.content import ReportContent
from rt1t2_dask.report.figures.picture import Picture, house_style, new_figure
from rt1t2_dask.report.flow import FlowStep, needed, rows
from rt1t2_dask.report.numbers import plural
from rt1t2_dask.report.steps import settings_of

WIDTH_IN, PAIR = 4.5, 2
LANE_IN, LANES, BETWEEN_IN = 0.06, 3, 0.14
BOX_IN, GAP_IN, LINE_IN, HEAD_IN, FOOT_IN = 1.96, 0.3, 0.135, 0.32, 0.45
LETTERS = 33
_PERSON, _COHORT = "#DCEBF7", "#FBE6CF"


@dataclass(frozen=True)
class _Box:
    """A step with its lines of text and its position in inches, y downward."""

    step: FlowStep
    lines: tuple[str, ...]
    x: float
    y: float
    row: int

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def height(self) -> float:
        return HEAD_IN + LINE_IN * len(self.lines)


def pipeline(content: ReportContent) -> Picture | None:
    """Draw every stage of the run with its settings, below its inputs; None without any."""
    if not content.flow:
        return None
    boxes = _placed(content)
    bottom = max(box.bottom for box in boxes.values())
    with house_style():
        figure = new_figure(WIDTH_IN, bottom + FOOT_IN, content.simulated)
        axes = figure.subplots()
        axes.set(xlim=(0, WIDTH_IN), ylim=(bottom + FOOT_IN, 0), aspect="equal")
        axes.axis("off")
        _arrows(axes, boxes, needed(content.flow))
        for box in boxes.values():
            _draw(axes, box)
        axes.legend(handles=_legend(), loc="lower center", ncols=2, frameon=False, fontsize=8)
    return Picture(figure, _alt(content.flow), _caption(content.flow))


def _placed(content: ReportContent) -> dict[str, _Box]:
    steps = {step.name: step for step in content.flow}
    placed: dict[str, _Box] = {}
    y = 0.02
    for number, row in enumerate(rows(content.flow, PAIR)):
        left = (WIDTH_IN - len(row) * BOX_IN - (len(row) - 1) * BETWEEN_IN) / 2
        for k, name in enumerate(row):
            lines = _lines(settings_of(content, name))
            placed[name] = _Box(steps[name], lines, left + k * (BOX_IN + BETWEEN_IN), y, number)
        y = max(placed[name].bottom for name in row) + GAP_IN
    return placed


def _lines(settings: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    pairs = [f"{key} {value}" for key, value in settings]
    return tuple(line for pair in _joined(pairs) for line in wrap(pair, LETTERS))


def _joined(pairs: Sequence[str]) -> list[str]:
    """Put short settings on one line."""
    lines: list[str] = []
    for pair in pairs:
        if lines and len(lines[-1]) + len(pair) + 2 <= LETTERS:
            lines[-1] += f", {pair}"
        else:
            lines.append(pair)
    return lines


def _draw(axes: Axes, box: _Box) -> None:
    shape = FancyBboxPatch(
        (box.x + 0.04, box.y + 0.04),
        BOX_IN - 0.08,
        box.height - 0.08,
        boxstyle="round,pad=0.04,rounding_size=0.06",
        facecolor=_PERSON if box.step.people else _COHORT,
        edgecolor="#333333",
        linewidth=0.8 if box.step.people else 1.8,
    )
    axes.add_patch(shape)
    words = box.step.words
    middle = box.x + BOX_IN / 2
    axes.text(middle, box.y + 0.17, words, ha="center", va="center", weight="bold", fontsize=8.5)
    for k, line in enumerate(box.lines):
        height = box.y + HEAD_IN + LINE_IN * (k + 0.3)
        axes.text(middle, height, line, ha="center", va="center", fontsize=7)


def _arrows(axes: Axes, boxes: Mapping[str, _Box], sources: Mapping[str, tuple[str, ...]]) -> None:
    """Draw arrows straight to the next row, else along their own lane at the nearer edge."""
    lanes = {"left": 0, "right": 0}
    for name, read in sources.items():
        for source in read:
            above, below = boxes[source], boxes[name]
            if below.row == above.row + 1:
                _lead(axes, [(above.x + BOX_IN / 2, above.bottom), (below.x + BOX_IN / 2, below.y)])
                continue
            side = "left" if above.x + below.x + BOX_IN < WIDTH_IN else "right"
            offset = 0.05 + LANE_IN * lanes[side]
            lanes[side] = (lanes[side] + 1) % LANES
            lane = offset if side == "left" else WIDTH_IN - offset
            _lead(axes, _round_the_edge(above, below, lane, side))


def _round_the_edge(above: _Box, below: _Box, lane: float, side: str) -> list[tuple[float, float]]:
    out, into = (box.x + (0.25 if side == "left" else BOX_IN - 0.25) for box in (above, below))
    leave, arrive = above.bottom + 0.1, below.y - 0.14
    return [
        *((out, above.bottom), (out, leave), (lane, leave)),
        *((lane, arrive), (into, arrive), (into, below.y)),
    ]


def _lead(axes: Axes, points: Sequence[tuple[float, float]]) -> None:
    style: dict[str, Any] = {"color": "#555555", "linewidth": 1.0}
    axes.plot(*zip(*points[:-1], strict=True), zorder=0, **style)
    head = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, **style}
    axes.annotate("", points[-1], points[-2], arrowprops=head, zorder=0)


def _legend() -> list[Patch]:
    return [
        Patch(facecolor=_PERSON, edgecolor="#333333", linewidth=0.8, label="per person"),
        Patch(facecolor=_COHORT, edgecolor="#333333", linewidth=1.8, label="whole cohort (bold)"),
    ]


def _alt(flow: Sequence[FlowStep]) -> str:
    sources: Mapping[str, tuple[str, ...]] = needed(flow)
    message = [f"{n} from {' and '.join(read)}" for n, read in sources.items() if read]
    return f"Flow chart of the stages run: {'; '.join(message)}."


def _caption(flow: Sequence[FlowStep]) -> str:
    people = max((step.people for step in flow), default=0)
    return (
        f"Pipeline of this run: {plural(len(flow), 'stage')} with their settings, "
        f"{plural(people, 'person', 'people')}. Arrows point from inputs to outputs."
    )
