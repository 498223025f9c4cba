"""The report in headless Chromium: scripts run, buttons work, nothing leaves, a phone fits."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from fake_report import fake_content, fake_template
from page_reader import PageReader

from rt1t2_dask.report.figures.picture import Picture
from rt1t2_dask.report.page import render
from rt1t2_dask.report.viewer import STEP_MM, anatomy

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--virtual-time-budget=10000", "--host-resolver-rules=MAP * ~NOTFOUND"),
)
CLICKS = """
<script>
const tell = (name, value) => { document.body.dataset[name] = value; };
window.addEventListener("error", (event) => tell("error", event.message));
const wait = () => {
  if (document.documentElement.dataset.viewers !== "ready") { setTimeout(wait, 50); return; }
  const root = document.querySelector("[data-viewer]");
  const readout = () => root.querySelector("[data-readout]").textContent;
  const coloured = () => [...root.querySelectorAll("canvas")].map((canvas) => {
    const { width, height } = canvas;
    const pixels = canvas.getContext("2d").getImageData(0, 0, width, height - 30).data;
    let count = 0;
    for (let k = 0; k < pixels.length; k += 4) count += pixels[k] !== pixels[k + 2];
    return count;
  }).reduce((a, b) => a + b);
  tell("first", readout());
  tell("colouredBefore", coloured());
  root.querySelectorAll("[data-peak]")[1].click();
  tell("second", readout());
  const rows = document.querySelectorAll("section[id^=contrast] tr[data-place-mm]");
  rows[0].querySelector("td").click();
  tell("row", readout());
  tell("current", rows[0].getAttribute("aria-current"));
  rows[1].querySelector("th button").click();
  tell("enter", readout());
  tell("focus", document.activeElement.dataset.axis);
  const axial = root.querySelector("canvas[data-axis='2']");
  const press = (key, more) => axial.dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
  const wheel = (deltaY) => axial.dispatchEvent(
    new WheelEvent("wheel", { deltaY, cancelable: true }));
  ["ArrowLeft", "ArrowUp", "PageUp"].forEach((key) => press(key));
  tell("keys", readout());
  press("ArrowLeft", { shiftKey: true });
  tell("far", readout());
  wheel(100);
  tell("wheel", readout());
  tell("ring", getComputedStyle(axial).outlineStyle);
  axial.blur();
  tell("free", String(wheel(100)) + readout());
  const low = root.querySelector("[data-shown]").textContent;
  press("+");
  tell("raised", (Number(root.querySelector("[data-shown]").textContent) - Number(low)).toFixed(2));
  press("-");
  press("Home");
  tell("home", readout());
  root.querySelectorAll("[data-peak]")[1].click();
  const height = root.querySelector("[data-height]");
  height.value = height.max;
  height.dispatchEvent(new Event("input"));
  tell("colouredAfter", coloured());
  const canvas = root.querySelector("canvas[data-axis='2']");
  const box = canvas.getBoundingClientRect();
  const at = { clientX: box.left + 1, clientY: box.top + 1, buttons: 1 };
  canvas.dispatchEvent(new PointerEvent("pointerdown", at));
  tell("corner", readout());
  tell("width", document.documentElement.scrollWidth);
  tell("bar", root.querySelector("[data-bar]").textContent.trim());
  const choice = root.querySelector("[data-choice]");
  tell("maps", [...choice.options].map((option) => option.text).join("; "));
  root.querySelector("[data-peak]").click();
  choice.value = "1";
  choice.dispatchEvent(new Event("change"));
  const chosen = () => {
    if (!readout().includes("effect")) { setTimeout(chosen, 50); return; }
    tell("effect", readout());
    tell("colours", root.querySelector("[data-bar]").getAttribute("aria-label"));
    tell("done", "yes");
  };
  chosen();
};
wait();
</script>
"""

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
pytestmark = [pytest.mark.browser, needs_chromium]


WEBGL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")


def browse(folder: Path, page: str, *more: str, webgl: bool = False) -> str:
    """Open a page and give its DOM after its scripts ran."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    flags = [*(flag for flag in FLAGS if flag != "--disable-gpu"), *WEBGL] if webgl else FLAGS
    command = [str(CHROMIUM), *flags, f"--user-data-dir={folder / 'profile'}", *more]
    done = subprocess.run(
        [*command, "--dump-dom", path.as_uri()], capture_output=True, timeout=180, check=True
    )
    return done.stdout.decode("utf-8")


def body(dom: str) -> dict[str, str]:
    """What the page's script told."""
    return PageReader(dom).named("body")[0]


@pytest.fixture(scope="module")
def page(pictures: dict[str, Picture]) -> str:
    return render(fake_content(), pictures).replace("</body>", f"{CLICKS}</body>")


def mm(x: float, y: float, z: float) -> str:
    return f"{x:.0f} {y:.0f} {z:.0f} mm: "


@pytest.mark.slow
def test_viewer_goes_to_peaks_follows_the_threshold_and_the_pointer(
    page: str, tmp_path: Path
) -> None:
    told = body(browse(tmp_path, page, "--window-size=1280,900"))
    assert told.get("data-done") == "yes", told
    assert "data-error" not in told
    one, two = fake_content().contrasts[0].clusters.head(2).itertuples()
    for name, row in (("first", one), ("second", two)):
        place = f"{row.peak_x_mm:.0f} {row.peak_y_mm:.0f} {row.peak_z_mm:.0f} mm"
        assert told[f"data-{name}"] == f"{place}: t = {row.peak_t:.2f}"
    at = [two.peak_x_mm, two.peak_y_mm, two.peak_z_mm]
    assert told["data-row"] == told["data-home"] == told["data-first"]
    assert told["data-enter"] == told["data-second"]
    assert (told["data-current"], told["data-focus"]) == ("true", "2")
    assert told["data-keys"].startswith(mm(at[0] - STEP_MM, at[1] + STEP_MM, at[2] + STEP_MM))
    far = (at[0] - 6 * STEP_MM, at[1] + STEP_MM)
    assert told["data-far"].startswith(mm(*far, at[2] + STEP_MM))
    assert told["data-wheel"].startswith(mm(*far, at[2]))
    assert told["data-free"] == f"true{told['data-wheel']}"
    assert told["data-raised"] == "0.10"
    assert told["data-ring"] == "solid"
    assert int(told["data-coloured-before"]) > 100
    assert int(told["data-coloured-after"]) == 0
    brain = anatomy(fake_template())
    left, _, _ = brain.box.low
    front = brain.box.low[1] + STEP_MM * (brain.shape[1] - 1)
    corner = f"{left:.0f} {front:.0f} {two.peak_z_mm:.0f} mm: not measured"
    assert told["data-corner"] == corner
    assert int(told["data-width"]) <= 1280
    assert told["data-bar"].endswith("t")
    offered = told["data-maps"].split("; ")
    assert [words.split(":")[0] for words in offered] == [
        "Test statistic", "Effect", "Effect size", "Mean ratio of everybody",
    ]  # fmt: skip
    effect = float(told["data-effect"].split(" = ")[1])
    assert effect == pytest.approx(0.05 * one.peak_t, abs=0.003)
    assert told["data-colours"].startswith("Colours: effect (of the ratio), -0.")


def asked_by_the_page(folder: Path, page: str, *, webgl: bool = False) -> set[str]:
    """Addresses requested by the page itself, not by the browser for its own ends."""
    log = folder / "net.json"
    browse(folder, page, f"--log-net-log={log}", webgl=webgl)
    events = json.loads(log.read_text(encoding="utf-8"))["events"]
    params = [event.get("params", {}) for event in events]
    return {p["url"] for p in params if "url" in p and p.get("initiator") in ("file://", "null")}


@pytest.mark.slow
def test_no_request_leaves_the_file(page: str, tmp_path: Path) -> None:
    away = "http://elsewhere.invalid/x.png"
    assert away in asked_by_the_page(tmp_path, f"<img src='{away}'>")
    outside = [url for url in asked_by_the_page(tmp_path, page) if url.startswith("http")]
    assert outside == []


@pytest.mark.slow
def test_the_page_is_no_wider_than_a_phone(page: str, tmp_path: Path) -> None:
    inner = tmp_path / "inner.html"
    inner.write_text(page, encoding="utf-8")
    frame = (
        f"<body><iframe src='{inner.as_uri()}' style='width:390px;height:800px'></iframe>"
        "<script>const look = () => { const inside = document.querySelector('iframe')"
        ".contentDocument; if (inside?.body?.dataset.done) { document.body.dataset.width = "
        "inside.documentElement.scrollWidth; } else setTimeout(look, 50); }; look();</script>"
    )
    told = body(browse(tmp_path, frame, "--allow-file-access-from-files"))
    assert 300 < int(told["data-width"]) <= 390
