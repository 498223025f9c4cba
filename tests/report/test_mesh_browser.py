"""The cortex to turn in headless Chromium: pixels, values under the pointer, keys, no WebGL."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import fake_cortex as cortex
import numpy as np
import pytest
from fake_report import fake_content
from test_report_accessibility import axe_core, dark
from test_report_browser import asked_by_the_page, body, browse, needs_chromium
from test_report_viewer import values

from rt1t2_dask.report.cortex.mesh_view import mesh_view
from rt1t2_dask.report.page import render

pytestmark = [pytest.mark.browser, pytest.mark.slow, needs_chromium]
WHEN_READY = """
<script>
const tell = (name, value) => { document.body.dataset[name] = value; };
window.addEventListener("error", (event) => tell("error", event.message));
window.addEventListener("unhandledrejection", (event) => tell("error", String(event.reason)));
const root = document.querySelector("[data-mesh]");
tell("before", `${root.dataset.mesh}|${root.querySelector("canvas").width}`);
document.querySelector(".mesh-fold").open = true;
const once = (ready, act) => { if (ready()) act(); else setTimeout(() => once(ready, act), 30); };
const when = (act) => once(() => ["ready", "none"].includes(root.dataset.mesh), act);
</script>
"""
LOOK = """
<script>
when(async () => {
  const canvas = root.querySelector("canvas");
  const gl = canvas.getContext("webgl2");
  const readout = () => root.querySelector("[data-readout]").textContent;
  const look = () => {
    const pixels = new Uint8Array(4 * canvas.width * canvas.height);
    gl.readPixels(0, 0, canvas.width, canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    const found = { sum: 0, opaque: 0, red: 0, blue: 0, black: 0 };
    for (let k = 0; k < pixels.length; k += 4) {
      const [r, g, b, a] = [pixels[k], pixels[k + 1], pixels[k + 2], pixels[k + 3]];
      found.sum = (31 * found.sum + r + 3 * g + 7 * b) % 1000003;
      found.opaque += a === 255;
      found.red += r > b + 40;
      found.blue += b > r + 40;
      found.black += a === 255 && r + g + b < 60;
    }
    return found;
  };
  const looks = {};
  const keep = (name) => { looks[name] = look(); };
  const press = (key, more) => canvas.dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
  const point = (kind, across, up, more) => {
    const box = canvas.getBoundingClientRect();
    const at = { clientX: box.left + across * box.width, clientY: box.top + up * box.height };
    canvas.dispatchEvent(new PointerEvent(kind, { pointerId: 1, bubbles: true, ...at, ...more }));
  };
  const click = (selector) => root.querySelector(selector).click();
  keep("first");
  tell("label", canvas.getAttribute("aria-label"));
  tell("bar", root.querySelector("[data-bar]").getAttribute("aria-label"));
  tell("hint", readout());
  point("pointermove", 0.25, 0.5);
  tell("left", readout());
  point("pointermove", 0.82, 0.45);
  tell("right", readout());
  point("pointermove", 0.001, 0.001);
  tell("beside", readout());
  point("pointerdown", 0.25, 0.5, { buttons: 1 });
  point("pointerup", 0.25, 0.5);
  tell("kept", readout());
  keep("ring");
  point("pointerdown", 0.25, 0.5, { buttons: 1 });
  point("pointermove", 0.31, 0.55, { buttons: 1 });
  point("pointerup", 0.31, 0.55);
  keep("dragged");
  press("Home");
  keep("home");
  canvas.setPointerCapture = () => {};
  point("pointerdown", 0.4, 0.5, { buttons: 1 });
  point("pointerdown", 0.6, 0.5, { pointerId: 2, buttons: 1 });
  point("pointermove", 0.64, 0.5, { pointerId: 2, buttons: 1 });
  keep("pinched");
  point("pointerup", 0.64, 0.5, { pointerId: 2 });
  point("pointerup", 0.4, 0.5);
  press("Home");
  press("ArrowLeft");
  keep("turned");
  press("ArrowRight");
  keep("back");
  press("+");
  keep("larger");
  press("-");
  for (const view of ["medial", "dorsal", "ventral", "lateral"]) {
    click(`[data-view=${view}]`);
    keep(view);
  }
  const pressed = [...root.querySelectorAll("[aria-pressed=true]")];
  tell("pressed", pressed.map((button) => button.textContent).join());
  click("[data-show=right]");
  keep("alone");
  tell("alone", canvas.getAttribute("aria-label"));
  click("[data-show=both]");
  press("Enter");
  tell("enter", readout());
  const free = canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: 100, cancelable: true }));
  canvas.focus();
  const held = canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: -100, cancelable: true }));
  tell("wheel", `${free} ${held}`);
  keep("wheeled");
  press("Home");
  click("[data-peak]");
  await new Promise((done) => setTimeout(done, 60));
  tell("peak", readout());
  click("[data-view=lateral]");
  const choice = root.querySelector("[data-choice]");
  tell("maps", [...choice.options].map((option) => option.text).join("; "));
  const chosen = async (index) => {
    choice.value = String(index);
    choice.dispatchEvent(new Event("change"));
    await new Promise((done) => setTimeout(done, 200));
  };
  await chosen(1);
  keep("effect");
  tell("effect", readout());
  await chosen(4);
  keep("mean");
  tell("mean", readout());
  await chosen(0);
  const height = root.querySelector("[data-height]");
  height.value = height.max;
  height.dispatchEvent(new Event("input"));
  keep("grey");
  tell("width", document.documentElement.scrollWidth);
  tell("gl", gl.getError());
  tell("looks", JSON.stringify(looks));
  tell("done", "yes");
});
</script>
"""
AXE = """
<script>
when(() => axe.run(document, { resultTypes: ["violations"] }).then((result) => {
  tell("rules", result.passes.length);
  tell("violations", JSON.stringify(
    result.violations.map((v) => [v.impact, v.id, v.nodes[0].html.slice(0, 200)])));
}));
</script>
"""
NO_WEBGL = "<script>HTMLCanvasElement.prototype.getContext = () => null;</script>"
HIDDEN = """
<script>
when(() => {
  tell("shown", root.querySelector(".live").getClientRects().length);
  tell("said", root.querySelector("[data-readout]").textContent);
});
</script>
"""


@pytest.fixture(scope="module")
def page() -> str:
    view = mesh_view(cortex.maps(), simulated=True)
    content = replace(fake_content(), contrasts=(), receptors=None, template=None)
    return render(replace(content, sections=(cortex.section(mesh=view),)), {})


def with_script(page: str, *scripts: str) -> str:
    last = page.rindex("</body>")
    return page[:last] + "".join((WHEN_READY, *scripts)) + page[last:]


@pytest.fixture(scope="module")
def told(page: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("turned")
    found = body(browse(folder, with_script(page, LOOK), "--window-size=1200,900", webgl=True))
    assert found.get("data-done") == "yes", found
    return found


@pytest.fixture(scope="module")
def looks(told: dict[str, str]) -> dict[str, dict[str, int]]:
    return json.loads(told["data-looks"])


def vertex_of(said: str) -> tuple[str, int]:
    found = re.match(r"(left|right) hemisphere, vertex (\d+)", said)
    assert found is not None, said
    return found[1], int(found[2])


def value_at(side: str, vertex: int, layer: int = 0) -> float:
    stored = values(mesh_view(cortex.maps(), simulated=True).layers[layer], (2 * cortex.VERTICES,))
    return float(stored[vertex + cortex.VERTICES * (side == "right")])


def test_it_is_built_when_it_is_opened_and_nothing_goes_wrong(told: dict[str, str]) -> None:
    assert told["data-before"] == "|300"
    assert "data-error" not in told
    assert told["data-gl"] == "0"
    assert int(told["data-width"]) <= 1200


def test_both_hemispheres_are_drawn_in_colour_with_outlines(
    looks: dict[str, dict[str, int]],
) -> None:
    first = looks["first"]
    assert first["opaque"] > 50_000
    assert first["red"] > 5_000 and first["blue"] > 5_000
    assert first["black"] > 150
    assert looks["mean"]["black"] < first["black"] / 3
    assert looks["mean"]["blue"] == 0 and looks["mean"]["red"] > first["red"]
    assert looks["grey"]["red"] == looks["grey"]["blue"] == 0
    assert looks["grey"]["opaque"] == first["opaque"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("first", "ring"), ("ring", "dragged"), ("home", "turned"), ("home", "larger"),
        ("home", "medial"), ("medial", "dorsal"), ("dorsal", "ventral"), ("lateral", "alone"),
        ("lateral", "wheeled"), ("lateral", "effect"), ("effect", "mean"), ("mean", "grey"),
    ],
)  # fmt: skip
def test_turning_and_choosing_change_the_picture(
    looks: dict[str, dict[str, int]], one: str, other: str
) -> None:
    assert looks[one]["sum"] != looks[other]["sum"]


def test_home_and_the_opposite_key_give_the_same_picture(looks: dict[str, dict[str, int]]) -> None:
    assert looks["home"] == looks["ring"] == looks["lateral"]
    assert looks["back"] == looks["home"]
    for larger in ("larger", "pinched"):
        assert looks[larger]["opaque"] > 1.2 * looks["home"]["opaque"]


def test_the_pointer_reads_what_is_stored_at_the_vertex_under_it(told: dict[str, str]) -> None:
    side, vertex = vertex_of(told["data-left"])
    x, y, z = cortex.meshes()["left"].inflated[vertex]
    assert side == "left" and x < -58
    assert abs(y + 15) < 5 and abs(z - 10) < 5
    assert told["data-left"].endswith(f": t = {value_at(side, vertex):.2f}")
    assert told["data-kept"] == told["data-left"]
    side, vertex = vertex_of(told["data-right"])
    x, y, z = cortex.meshes()["right"].inflated[vertex]
    assert side == "right" and x > 32
    assert y > 0 and z > 10  # right of the middle is in front, above it is up
    assert told["data-right"].endswith(f": t = {value_at(side, vertex):.2f}")
    assert "lh_upper" in told["data-right"]
    assert told["data-beside"] == told["data-hint"] == "Point at the cortex to read a value."


def test_a_map_that_is_chosen_is_read_with_its_own_values(told: dict[str, str]) -> None:
    side, vertex = vertex_of(told["data-effect"])
    effect = float(told["data-effect"].split(" = ")[1])
    assert effect == pytest.approx(value_at(side, vertex, 1), abs=1e-3)
    assert "mean ratio = 1." in told["data-mean"] and "cluster" not in told["data-mean"]
    assert told["data-maps"].split("; ")[0] == "Test statistic: t"
    assert len(told["data-maps"].split("; ")) == 5
    assert told["data-bar"].startswith("Colours: t, -")


def test_a_button_goes_to_the_peak(told: dict[str, str]) -> None:
    row = cortex.contrast().table.iloc[0]
    assert vertex_of(told["data-peak"]) == ("left", row["peak_vertex"])
    assert told["data-peak"].endswith(f", cluster 1: t = {row['peak_t']:.2f}")


def test_keys_reach_everything_and_the_wheel_scrolls_unless_the_picture_was_chosen(
    told: dict[str, str],
) -> None:
    left, right = told["data-enter"].split("; ")
    assert vertex_of(left)[0] == "left" and vertex_of(right)[0] == "right"
    assert told["data-wheel"] == "true false"
    assert told["data-pressed"] == "lateral,both"
    assert told["data-label"].startswith("Inflated cortex, left and right, lateral view, Test")
    assert told["data-alone"].startswith("Inflated cortex, right, lateral view")


def test_without_webgl_words_stand_in_its_place(page: str, tmp_path: Path) -> None:
    shown = with_script(page, HIDDEN).replace("<body", f"{NO_WEBGL}<body", 1)
    told = body(browse(tmp_path, shown, webgl=True))
    assert told["data-shown"] == "0"
    assert told["data-said"].startswith("Turning needs a browser with scripts, WebGL 2")
    assert "data-error" not in told


def test_nothing_is_asked_of_the_net(page: str, tmp_path: Path) -> None:
    opened = with_script(page, "<script>when(() => tell('done', 'yes'));</script>")
    asked = asked_by_the_page(tmp_path, opened, webgl=True)
    assert [url for url in asked if url.startswith("http")] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_when_it_is_open(page: str, scheme: str, tmp_path: Path) -> None:
    code = axe_core()
    if not code:
        pytest.skip("axe-core is not there: npm install axe-core, RT1T2_AXE=.../axe.min.js")
    shown = page if scheme == "light" else dark(page)
    told = body(browse(tmp_path, with_script(shown, f"<script>{code}</script>{AXE}"), webgl=True))
    assert int(told["data-rules"]) > 15
    assert json.loads(told["data-violations"]) == []


def test_on_a_phone_hemispheres_stand_below_each_other(page: str, tmp_path: Path) -> None:
    inner = tmp_path / "inner.html"
    inner.write_text(with_script(page, "<script>when(() => tell('done', 'yes'));</script>"))
    frame = (
        f"<body><iframe src='{inner.as_uri()}' style='width:390px;height:800px'></iframe>"
        "<script>const look = () => { const inside = document.querySelector('iframe')"
        ".contentDocument; if (!inside?.body?.dataset.done) { setTimeout(look, 50); return; }"
        "const canvas = inside.querySelector('canvas').getBoundingClientRect();"
        "const names = [...inside.querySelectorAll('[data-name]')]"
        ".map((name) => parseInt(name.style.top));"
        "document.body.dataset.found = JSON.stringify([inside.documentElement.scrollWidth,"
        "canvas.width, canvas.height, ...names]); }; look();</script>"
    )
    told = body(browse(tmp_path, frame, "--allow-file-access-from-files", webgl=True))
    width, across, high, left, right = np.array(json.loads(told["data-found"]))
    assert width <= 390 and 250 < across <= 390
    assert across < high < 500
    assert left < right
