"""An analysis and a source, each of one module, are added without a change of any other."""

from __future__ import annotations

import json

import bare_source
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import white_matter

from rt1t2_dask.cli.command_line import command
from rt1t2_dask.config.study import Config, add_source
from rt1t2_dask.pipelines import analyses, registry

QUICK = (
    *("permute.n=0", "receptors.n_permutations=10", "report.mosaics=0", "report.figures=false"),
    "cluster=synchronous",
)


@pytest.fixture
def with_white_matter(monkeypatch):
    monkeypatch.setattr(analyses, "ANALYSES", (*analyses.ANALYSES, white_matter.WhiteMatter))
    monkeypatch.setattr(registry, "STAGES", (*registry.STAGES, white_matter.WHITE))
    monkeypatch.setitem(registry.BY_NAME, white_matter.WHITE.name, white_matter.WHITE)


@pytest.mark.heavy
def test_an_analysis_has_table_section_methods_provenance_and_record(
    maps_study, maps_arguments, tmp_path, with_white_matter, capsys
):
    maps_study()
    assert command([*maps_arguments, *QUICK, "dry_run=true"]) == 0
    assert "white_median" in capsys.readouterr().out
    assert command([*maps_arguments, *QUICK]) == 0
    out = tmp_path / "out"
    table = pd.read_csv(out / "group" / "white_matter.tsv", sep="\t")
    assert set(table["group"]) == {"pat", "hc"} and np.isfinite(table["median"]).all()
    page = (out / "report.html").read_text()
    assert "Median ratio of white matter" in page and white_matter.METHODS in page
    assert white_matter.METHODS in (out / "methods.md").read_text()
    key = json.loads((out / "provenance.json").read_text())["group_parts"]["white_matter"]
    (run,) = (tmp_path / "lake" / "runs").rglob("run.json")
    assert json.loads(run.read_text())["parts"]["white_median"] == [key]


@pytest.fixture
def with_bare_source(monkeypatch):
    field = Config.model_fields["source"]
    before = field.annotation
    add_source(bare_source.BareSource)
    yield
    field.annotation = before
    Config.model_rebuild(force=True)


@pytest.mark.heavy
def test_a_source_finds_its_files(maps_study, maps_arguments, tmp_path, with_bare_source, capsys):
    maps_study()
    folder = tmp_path / "maps"
    for path in folder.glob("sub-*_T1wT2wratio.nii.gz"):
        path.rename(folder / path.name.replace("_T1wT2wratio", ""))
    studies = tmp_path / "studies" / "source"
    studies.mkdir(parents=True, exist_ok=True)
    (studies / "bare.yaml").write_text("kind: bare\nroot: ???\n")
    words = [w for w in maps_arguments if not w.startswith("source=")]
    assert command([*words, "source=bare", *QUICK]) == 0
    inputs = pd.read_csv(tmp_path / "out" / "group" / "inputs.tsv", sep="\t")
    assert set(inputs["file"].str.len()) and nib.load(next(folder.glob("sub-*"))).shape
    assert command([*words, "source=bare", "source.zz=1", *QUICK]) == 2
    assert "source.zz" in capsys.readouterr().err
