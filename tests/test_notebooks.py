"""The notebooks of the docs run on a study of their cohort, and agree with its report."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from studies_of_maps import maps_words, write_maps_study

from rt1t2_dask import open_study
from rt1t2_dask.cli.command_line import command

NOTEBOOKS = Path(__file__).resolve().parent.parent / "docs" / "notebooks"
MOST_BYTES = 200_000

pytestmark = pytest.mark.skipif(not NOTEBOOKS.exists(), reason="not a checkout")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with the study `outputs/psp`, of simulated maps: seconds in place of minutes."""
    top = tmp_path_factory.mktemp("notebooks")
    root, _ = write_maps_study(top)
    (root / "dataset_description.json").write_text(json.dumps({"simulated": True}))
    cohort = top / "studies" / "cohort"
    text = (cohort / "small.yaml").read_text().replace("name: small", "name: psp")
    named = text.replace("pat: P", "psp: P").replace("patVsHc: [pat", "pspVsHc: [psp")
    (cohort / "mine.yaml").write_text(named)
    words = [w for w in maps_words(top) if not w.startswith(("+cohort=", "output_dir="))]
    out = f"output_dir={top / 'outputs' / 'psp'}"
    assert command([*words, "+cohort=mine", out]) == 0
    return top


def test_notebooks_are_small():
    assert all(path.stat().st_size < MOST_BYTES for path in NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.heavy
@pytest.mark.slow
def test_opening_a_study(folder):
    notebook = nbformat.read(NOTEBOOKS / "open_a_study.ipynb", as_version=4)
    place = {"metadata": {"path": str(folder)}}
    done = NotebookClient(notebook, timeout=300, resources=place).execute()
    shown = json.dumps(done["cells"])
    assert "SIMULATED" in shown
    assert "image/png" in shown
    assert "rho = " in shown
    results = {cell["id"]: cell["outputs"] for cell in done["cells"] if "outputs" in cell}
    r = next(float(o["data"]["text/plain"].removeprefix("np.float64(").rstrip(")"))
             for outputs in results.values() for o in outputs
             if o.get("data", {}).get("text/plain", "").startswith("np.float64("))  # fmt: skip
    assert r > 0.999
    study = open_study(folder / "outputs" / "psp")
    peak = study.contrasts["pspVsHc"].clusters.iloc[0]
    effect = study.contrasts["pspVsHc"].maps["effect"]
    at_peak = effect.sel({axis: peak[f"peak_{axis}_mm"] for axis in "xyz"}, method="nearest")
    assert f"{float(at_peak):.3f}"[:4] in shown
    assert np.isfinite(at_peak)
