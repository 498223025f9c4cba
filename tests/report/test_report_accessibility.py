"""Accessible to keyboard, screen reader and weak eyes: structure, contrast, axe-core."""

from __future__ import annotations

import itertools
import json
import os
import re
from pathlib import Path

import pytest
from fake_report import fake_content
from page_reader import PageReader
from test_report_browser import body, browse, needs_chromium

from rt1t2_dask.report.figures.picture import Picture
from rt1t2_dask.report.page import render

ENOUGH = 4.5
PAIRS = [(text, paper) for text in ("ink", "quiet", "accent") for paper in ("paper", "soft")]
DARK = "@media (prefers-color-scheme: dark)"
MEASURE = """
<script>
document.querySelectorAll("details").forEach((one) => { one.open = true; });
const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
const light = (rgb) => [0.2126, 0.7152, 0.0722].reduce((sum, share, k) => {
  const c = rgb[k] / 255;
  return sum + share * (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
}, 0);
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = numbers(getComputedStyle(at).backgroundColor);
    if (colour.length < 4 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
  if (["SCRIPT", "STYLE", "TITLE"].includes(element.tagName.toUpperCase())) continue;
  const style = getComputedStyle(element);
  const ink = numbers(element.closest("svg") ? style.fill : style.color);
  const [a, b] = [light(ink), light(behind(element))].sort((x, y) => y - x);
  found.push([(a + 0.05) / (b + 0.05), element.outerHTML.slice(0, 120)]);
}
found.sort((x, y) => x[0] - y[0]);
document.body.dataset.measured = found.length;
document.body.dataset.worst = JSON.stringify(found.slice(0, 3));
</script>
"""
RUN_AXE = """
<script>
document.querySelectorAll("details").forEach((one) => { one.open = true; });
const wait = () => {
  if (document.documentElement.dataset.viewers !== "ready") { setTimeout(wait, 50); return; }
  axe.run(document, { resultTypes: ["violations"] }).then((result) => {
    document.body.dataset.rules = result.passes.length;
    document.body.dataset.violations = JSON.stringify(
      result.violations.map((v) => [v.impact, v.id, v.nodes[0].html.slice(0, 200)]));
  });
};
wait();
</script>
"""


@pytest.fixture(scope="module")
def page(pictures: dict[str, Picture]) -> str:
    return render(fake_content(), pictures)


@pytest.fixture(scope="module")
def reader(page: str) -> PageReader:
    return PageReader(page)


def dark(page: str) -> str:
    """The page as a browser shows it that prefers dark colours."""
    assert DARK in page
    return page.replace(DARK, "@media all")


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    shares = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ratio(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_ratio_is_that_of_the_standard() -> None:
    assert ratio("#000000", "#ffffff") == pytest.approx(21)
    assert ratio("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_of_text_stands_out_from_every_paper(page: str, scheme: str) -> None:
    style = page.split("</style>")[0]
    start = style.index(DARK) if scheme == "dark" else 0
    found = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", style[start : style.index("* {")]))
    if scheme == "light":
        found = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", style[: style.index(DARK)]))
    assert {name for pair in PAIRS for name in pair} <= set(found)
    for text, paper in PAIRS:
        assert ratio(found[text], found[paper]) >= ENOUGH, (text, paper)


@pytest.mark.parametrize("mark", [(".banner", 7.0), (".mark", ENOUGH)])
def test_the_simulated_mark_stands_out(page: str, mark: tuple[str, float]) -> None:
    name, least = mark
    rule = re.search(re.escape(name) + r" \{([^}]*)\}", page)
    assert rule is not None
    text = re.search(r"(?<![-\w])color: (#[0-9a-f]+)", rule[1])
    paper = re.search(r"background: (#[0-9a-f]+)", rule[1])
    assert text is not None
    assert paper is not None
    full = [c if len(c) == 7 else "#" + "".join(2 * x for x in c[1:]) for c in (text[1], paper[1])]
    assert ratio(*full) >= least


def test_headings_do_not_skip_a_level(reader: PageReader) -> None:
    levels = [int(name[1]) for name, _ in reader.tags if re.fullmatch(r"h[1-6]", name)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_whatever_takes_the_focus_has_a_name_and_help(reader: PageReader) -> None:
    known = {a["id"] for _, a in reader.tags if "id" in a}
    focused = [a for name, a in reader.tags if "tabindex" in a or name == "canvas"]
    assert len(focused) >= 3
    assert all(a["aria-label"] and a["tabindex"] == "0" and a["role"] for a in focused)
    helped = [a["aria-describedby"] for a in focused if "aria-describedby" in a]
    assert len(helped) >= 3
    assert set(helped) <= known


def test_tables_shown_as_cards_keep_their_roles(reader: PageReader) -> None:
    cards = [a for name, a in reader.tags if name == "table" and a.get("role") == "table"]
    assert len(cards) >= 2
    labelled = [a for name, a in reader.tags if name in ("td", "th") and "data-label" in a]
    assert {a["role"] for a in labelled} == {"cell", "rowheader"}


def axe_core() -> str:
    """The text of axe-core, empty where it is not installed."""
    script = Path(os.environ.get("RT1T2_AXE", "node_modules/axe-core/axe.min.js"))
    if not script.is_file():
        return ""
    return script.read_text(encoding="utf-8").replace("</script", r"<\/script")


@pytest.fixture(scope="module", params=["light", "dark"])
def told(
    page: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """What the browser measured, and axe-core found where it is installed."""
    shown = page if request.param == "light" else dark(page)
    code = axe_core()
    asked = f"{MEASURE}<script>{code}</script>{RUN_AXE}" if code else MEASURE
    last = shown.rindex("</body>")
    return body(browse(tmp_path_factory.mktemp("page"), shown[:last] + asked + shown[last:]))


@needs_chromium
@pytest.mark.slow
@pytest.mark.browser
def test_every_text_on_the_page_stands_out(told: dict[str, str]) -> None:
    assert int(told["data-measured"]) > 300
    worst = json.loads(told["data-worst"])
    assert worst[0][0] >= ENOUGH, worst


@needs_chromium
@pytest.mark.slow
@pytest.mark.browser
def test_axe_finds_nothing(told: dict[str, str]) -> None:
    if "data-violations" not in told and not axe_core():
        pytest.skip("axe-core is not there: npm install axe-core, RT1T2_AXE=.../axe.min.js")
    assert int(told["data-rules"]) > 20
    assert json.loads(told["data-violations"]) == []
