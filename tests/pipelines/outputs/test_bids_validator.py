"""The output folder as BIDS derivatives: what it says of itself, and the validator's verdict."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rt1t2_dask.cli.command_line import Job, _configure
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.pipelines.morphometry import write as morphometry_write
from rt1t2_dask.pipelines.outputs import folder as outputs
from rt1t2_dask.pipelines.outputs.dataset import bids_uri
from rt1t2_dask.storage.stores import open_store
from rt1t2_dask.table_dictionary import sidecar

VALIDATOR = os.environ.get("BIDS_VALIDATOR") or shutil.which("bids-validator-deno")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Everything that an output folder holds, by name; the images are empty ones."""
    monkeypatch.chdir(tmp_path)
    config = _configure(Job(("+cohort=psp", "output_dir=out")))
    store = open_store(config.output_dir)
    people = pd.DataFrame(
        {"participant_id": ["sub-A1", "sub-B1"], "group": ["psp", "hc"], "age": [95.0, 40.5],
         "sex": ["M", "F"], "covariate:pain": [3.0, np.nan]}
    )  # fmt: skip
    outputs.write_dataset(store, config, people)
    outputs.write_failures(store, ())
    image = Volume(np.zeros((8, 8, 8), np.float32), np.eye(4))
    content = outputs.to_bytes(image, space_code=1, description="SIMULATED")
    meta = outputs.json_bytes({"Description": "test", "simulated": True})
    for label in people["participant_id"]:
        for name in (
            "desc-ratio_T1wT2wratio", "space-MNI152NLin2009aSym_desc-smoothed_T1wT2wratio",
            "desc-brain_mask", "desc-lesion_mask", "dseg",
        ):  # fmt: skip
            store.write(f"{label}/anat/{label}_{name}.nii.gz", content)
            store.write(f"{label}/anat/{label}_{name}.json", meta)
        store.write(f"{label}/figures/{label}_desc-quality_mosaic.png", b"\x89PNG")
    for name in ("group/parcels.tsv", "group/contrast-aVsB_stat-t_statmap.nii.gz",
                 "figures/t.png", "figures/t.svg", "report.html", "methods.md",
                 "references.bib", "provenance.json"):  # fmt: skip
        store.write(name, b"{}")
    return tmp_path / "out"


@pytest.fixture
def regional(tmp_path, monkeypatch) -> Path:
    """What a study of regional tables says of itself: people, and no folder of anybody."""
    monkeypatch.chdir(tmp_path)
    config = _configure(Job(("+cohort=chronic_pain", "output_dir=regional")))
    store = open_store(config.output_dir)
    people = pd.DataFrame({"participant_id": ["sub-1", "sub-2"], "group": ["oa", "oaHc"]})
    morphometry_write.write_lost(store, config, people, ())
    store.write("group/demographics.tsv", b"group\tn\n")
    return tmp_path / "regional"


def test_a_study_of_regional_tables_names_itself(regional):
    said = json.loads((regional / "dataset_description.json").read_text())
    assert said["Name"].endswith("Morphometric similarity of cohort chronic_pain")
    assert "sub-*" not in (regional / "README.md").read_text()
    if VALIDATOR is not None:
        assert verdict(regional) == []


def verdict(folder: Path) -> list[tuple[str, str]]:
    done = subprocess.run(
        [str(VALIDATOR), "--format", "json", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    issues = json.loads(done.stdout)["issues"]["issues"]
    return [(i["code"], i["location"]) for i in issues if i["severity"] == "error"]


@pytest.mark.skipif(VALIDATOR is None, reason="bids-validator-deno is not installed")
def test_the_validator_finds_no_error(folder):
    assert verdict(folder) == []


@pytest.mark.skipif(VALIDATOR is None, reason="bids-validator-deno is not installed")
def test_the_validator_finds_no_error_in_a_whole_study():
    study = os.environ.get("RT1T2_OUTPUT")
    if not study:
        pytest.skip("RT1T2_OUTPUT names no finished study")
    assert verdict(Path(study)) == []


def test_the_folder_says_what_made_it_and_of_what(folder):
    said = json.loads((folder / "dataset_description.json").read_text())
    assert said["DatasetType"] == "derivative"
    assert said["GeneratedBy"][0]["Name"] == "rt1t2_dask"
    assert said["SourceDatasets"][0]["URL"].startswith("file:///")
    assert said["DatasetLinks"].keys() == {"source"}
    assert "SIMULATED" in said["Name"]
    assert "SIMULATED" in (folder / "README.md").read_text()


def test_every_column_of_the_table_is_described(folder):
    table = pd.read_csv(folder / "participants.tsv", sep="\t")
    described = json.loads((folder / "participants.json").read_text())
    assert {"LongName", *table.columns} == set(described)
    found = sidecar("participants.tsv", ["pain"])["pain"]["Description"]
    assert found == "pain, as in the source's participants table"


def test_inputs_are_named_by_bids_uris():
    config = _configure(Job(("+cohort=psp", "source.root=raw")))
    assert bids_uri(config, "raw", "sub-1/anat/x.nii.gz") == "bids:source:sub-1/anat/x.nii.gz"
    assert bids_uri(config, "masks", "x.nii.gz") == "masks/x.nii.gz"
