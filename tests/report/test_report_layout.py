"""The page in a browser of several widths: nothing is cut, sections are listed at the side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_report import fake_content
from page_reader import PageReader
from test_report_browser import body, browse, needs_chromium

from rt1t2_dask.report.figures.picture import Picture
from rt1t2_dask.report.page import render
from rt1t2_dask.report.sections.table import SHORT

WIDTHS = (420, 768, 1200, 1920)
FRAMES = """
<body><script>
const widths = WIDTHS;
const looked = {};
const look = (frame, width) => {
  const page = frame.contentDocument;
  page.querySelectorAll("details").forEach((one) => { one.open = true; });
  const style = (element) => frame.contentWindow.getComputedStyle(element);
  const hidden = (cell) => style(cell.closest("thead") ?? cell).position === "absolute";
  const cells = [...page.querySelectorAll("td, th")].filter((cell) => !hidden(cell));
  const cut = cells.filter((cell) => cell.getBoundingClientRect().right > width + 1
    || cell.scrollWidth > cell.clientWidth + 1);
  const nav = page.querySelector("nav");
  const last = page.getElementById("limits");
  last.scrollIntoView();
  frame.contentWindow.dispatchEvent(new Event("scroll"));
  looked[width] = {
    cells: cells.length,
    cut: cut.slice(0, 5).map((cell) => cell.textContent.trim()),
    width: page.documentElement.scrollWidth,
    nav: style(nav).position,
    beside: nav.getBoundingClientRect().right
      <= page.querySelector("main").getBoundingClientRect().left,
    current: [...nav.querySelectorAll("[aria-current]")].map((link) => link.textContent),
  };
  if (Object.keys(looked).length === widths.length) {
    document.body.dataset.looked = JSON.stringify(looked);
  }
};
widths.forEach((width) => {
  const frame = document.createElement("iframe");
  frame.style = `width: ${width}px; height: 900px; border: 0`;
  frame.onload = () => setTimeout(() => look(frame, width), 300);
  frame.src = "PAGE";
  document.body.append(frame);
});
</script></body>
"""


@pytest.fixture(scope="module")
def page(pictures: dict[str, Picture]) -> str:
    return render(fake_content(), pictures)


@needs_chromium
@pytest.mark.slow
@pytest.mark.browser
def test_no_column_is_cut_and_sections_are_at_the_side_where_there_is_room(
    page: str, tmp_path: Path
) -> None:
    inner = tmp_path / "inner.html"
    inner.write_text(page, encoding="utf-8")
    frames = FRAMES.replace("WIDTHS", json.dumps(WIDTHS)).replace("PAGE", inner.as_uri())
    told = body(browse(tmp_path, frames, "--allow-file-access-from-files"))
    looked = json.loads(told["data-looked"])
    for width in WIDTHS:
        found = looked[str(width)]
        assert found["cells"] > 300
        assert found["cut"] == [], width
        assert found["width"] <= width
        assert found["beside"] is (width >= 1200)
        assert (found["nav"] == "sticky") is (width >= 1200)
        assert found["current"] == ["Limits"], width


def test_short_details_are_open_in_print_and_long_ones_are_not(page: str) -> None:
    reader = PageReader(page)
    assert not any("open" in details for details in reader.named("details"))
    printed = [details for details in reader.named("details") if "data-print" in details]
    assert 0 < len(printed) < len(reader.named("details"))
    assert len(reader.table("Quality measures")) - 1 > SHORT
    long = page[: page.index("Quality measures of each person")].rsplit("<details", 1)[1]
    assert "data-print" not in long
    short = page[: page.index("Cluster extents (")].rsplit("<details", 1)[1]
    assert "data-print" in short
