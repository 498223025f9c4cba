"""The quality desk in headless Chromium: everybody judged by keys, saved, loaded; 400 people."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from urllib.parse import quote, unquote

import pandas as pd
import pytest
from PIL import Image
from test_report_accessibility import ENOUGH, MEASURE, axe_core, dark
from test_report_browser import body, browse, needs_chromium

from rt1t2_dask.report.quality.desk import render_desk
from rt1t2_dask.report.quality.entry import Entry, Shown, State
from rt1t2_dask.report.quality.person import Links, render_person

LIMITS = {"snr_t1w": (8.0, None), "mask_dice": (0.94, None)}
MOST_MB, PICTURES = 5.0, 6
STATES: tuple[State, ...] = ("in limits", "in limits", "flagged", "failed", "excluded")


def entry(k: int) -> Entry:
    label, state = f"sub-{k:03d}", STATES[k % len(STATES)]
    folder = f"{label}/figures/{label}_desc-"
    return Entry(
        label=label,
        state=state,
        group="patients" if k % 2 else "controls",
        page=f"{label}.html",
        reasons=("snr_t1w 5.1: noise or motion",) if state == "flagged" else (),
        numbers={"snr_t1w": 5.1 if state == "flagged" else 30.0 + k, "mask_dice": 0.97},
        shown=(
            Shown("Masks", ("mosaic",), (f"{folder}quality_mosaic.png",)),
            Shown("T2w on T1w", ("T1w", "T2w"), (f"{folder}T1w.jpg", f"{folder}T2w.jpg")),
        ),
    )


def desk(n: int, *, simulated: bool = False) -> str:
    people = [entry(k) for k in range(n)]
    return render_desk(people, LIMITS, cohort="test", key="k", simulated=simulated, report=True)


def with_pictures(folder: Path, n: int) -> None:
    """Write a picture under every path, as large as real ones."""
    out = io.BytesIO()
    Image.effect_noise((1680, 220), 60).save(out, format="JPEG", quality=60)
    for one in (entry(k) for k in range(n)):
        for shown in one.shown:
            for path in shown.paths:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(out.getvalue())


JUDGE = """
<script>
const tell = (name, value) => { document.body.dataset[name] = value; };
window.addEventListener("error", (event) => tell("error", event.message));
const press = (key, at) => (at || document.body).dispatchEvent(
  new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
let saved = "";
const made = URL.createObjectURL;
URL.createObjectURL = (blob) => {
  blob.text().then((text) => { saved = text; });
  return made.call(URL, blob);
};
HTMLAnchorElement.prototype.click = function click() { tell("download", this.download); };
const rater = document.getElementById("rater");
rater.value = "AB";
const people = [...document.querySelectorAll("#people tbody tr")];
tell("first", people[0].dataset.label);
people.forEach((row, k) => {
  if (k) press("j");
  press("f");
  press(String(1 + (k % 3)));
  if (k % 3 === 2) {
    press("n");
    const note = document.getElementById("note");
    tell("focused", String(document.activeElement === note));
    note.value = "moved\\tmuch";
    note.dispatchEvent(new Event("input", { bubbles: true }));
    press("Enter", note);
  }
});
const name = () => document.querySelector("#pictures [data-name]").textContent;
tell("switched", name());
press("k");
tell("unswitched", name());
tell("before", document.querySelector("tr[aria-current]").dataset.label);
document.querySelector("[data-sort=number]").click();
tell("measure", document.querySelector("#people tbody tr .measure").textContent);
tell("sorted", document.querySelector("#people tbody tr").dataset.label);
const filter = document.getElementById("filter");
filter.value = "exclude";
filter.dispatchEvent(new Event("change"));
tell("left", people.filter((row) => !row.hidden).length);
document.getElementById("export").click();
tell("kept", Object.keys(localStorage).length);
tell("status", document.getElementById("status").textContent);
const wait = () => {
  if (!saved) { setTimeout(wait, 20); return; }
  tell("table", encodeURIComponent(saved));
};
wait();
</script>
"""


@pytest.mark.browser
@needs_chromium
def test_29_people_are_judged_by_keys_and_saved(tmp_path: Path) -> None:
    page = desk(29, simulated=True).replace("</body>", f"{JUDGE}</body>")
    told = body(browse(tmp_path, page))
    assert "data-error" not in told
    assert told["data-first"] == "sub-003"  # who failed is first
    assert told["data-focused"] == "true"
    assert told["data-download"] == "ratings.tsv"
    assert told["data-kept"] == "1"
    assert (told["data-switched"], told["data-unswitched"]) == ("T2w", "T1w")
    assert told["data-sorted"] == "sub-002"
    assert told["data-measure"] == "5.100"
    assert told["data-left"] == "19"
    ratings = pd.read_csv(io.StringIO(unquote(told["data-table"])), sep="\t", dtype=str)
    assert len(ratings) == 29
    assert ratings["rating"].value_counts().to_dict() == {"good": 10, "unsure": 10, "exclude": 9}
    out = ratings[ratings["rating"] == "exclude"]
    assert set(out["note"]) == {"moved much"}
    assert set(out["rater"]) == {"AB"}
    assert out["rated_at"].str.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").all()


COUNT = """
<script>
const ahead = [];
window.Image = function Image() {
  const made = document.createElement("img");
  ahead.push(made);
  return made;
};
</script>
"""
READY = """
<script>
const wait = () => {
  const first = document.querySelector("#pictures img");
  if (!first || !first.complete || !first.naturalWidth) { setTimeout(wait, 10); return; }
  document.body.dataset.asked = document.querySelectorAll("img").length + ahead.length;
};
wait();
</script>
"""


@pytest.mark.browser
@needs_chromium
def test_400_people_are_one_small_page_and_the_pictures_of_two(tmp_path: Path) -> None:
    with_pictures(tmp_path, 400)
    page = desk(400)
    assert len(page.encode()) < MOST_MB * 1e6
    page = page.replace("<body>", f"<body>{COUNT}").replace("</body>", f"{READY}</body>")
    told = body(browse(tmp_path, page))
    assert int(told["data-asked"]) == PICTURES  # of one person and of the next


def test_pictures_and_pages_are_named_by_addresses_that_hold() -> None:
    odd = Entry(
        "sub-a#1", "flagged", page="sub-a#1.html", shown=(Shown("x", ("T1w",), ("sub-a#1/f.png",)),)
    )
    page = render_desk([odd], {}, cohort="c", key="k", simulated=False, report=False)
    assert quote("sub-a#1.html") in page
    assert quote("sub-a#1/f.png") in page
    own = render_person(odd, {}, pd.DataFrame(), Links(before="sub-%41.html"), False)
    assert quote("sub-a#1/f.png") in own
    assert f'href="{quote("sub-%41.html")}"' in own


def test_a_persons_page_has_measures_with_limits_files_and_neighbours() -> None:
    files = pd.DataFrame({"image": ["t1w"], "file": ["sub-002/anat/sub-002_T1w.nii.gz"]})
    page = render_person(entry(2), LIMITS, files, Links("sub-001.html", "sub-003.html"), True)
    assert "below: noise or motion" in page
    assert "SIMULATED DATA" in page
    assert "sub-002_T1w.nii.gz" in page
    assert re.findall(r'rel="(prev|next)"', page) == ["prev", "next"]
    assert page.count("<img") == 3
    assert "http" not in page.replace("http-equiv", "")


def test_text_of_people_cannot_become_script() -> None:
    note = "</script><script>alert(1)</script>"
    bad = Entry("sub-1", "excluded", reasons=(note,), rated=(note,))
    page = render_desk([bad], {}, cohort="c", key=note, simulated=False, report=False)
    assert "alert(1)</script>" not in page


RUN_AXE = """
<script>
axe.run(document, { resultTypes: ["violations"] }).then((result) => {
  document.body.dataset.rules = result.passes.length;
  document.body.dataset.violations = JSON.stringify(
    result.violations.map((v) => [v.impact, v.id, v.nodes[0].html.slice(0, 200)]));
});
</script>
"""


@pytest.mark.browser
@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["desk", "person"])
def test_the_pages_are_readable_and_accessible(kind: str, scheme: str, tmp_path: Path) -> None:
    files = pd.DataFrame({"image": ["t1w"], "file": ["sub-002/anat/sub-002_T1w.nii.gz"]})
    own = render_person(entry(2), LIMITS, files, Links("sub-001.html", "sub-003.html"), False)
    page = desk(6) if kind == "desk" else own
    shown = page if scheme == "light" else dark(page)
    code = axe_core()
    asked = f"{MEASURE}<script>{code}</script>{RUN_AXE}" if code else MEASURE
    told = body(browse(tmp_path, shown.replace("</body>", f"{asked}</body>")))
    worst = json.loads(told["data-worst"])
    assert worst[0][0] >= ENOUGH, worst
    if code:
        assert int(told["data-rules"]) > 20
        assert json.loads(told["data-violations"]) == []
