"""Run documents: what garbage collection and readers rely on."""

import platform
from importlib import metadata

import numpy as np
import pytest

from rt1t2_dask.errors import RunError
from rt1t2_dask.storage.provenance import (
    environment,
    list_runs,
    read_run,
    run_parts,
    write_run,
)


def test_runs_come_back(lake, part):
    document = {"parts": {part.stage: [part.key]}, "seed": np.int64(3)}
    assert write_run(lake, "psp", "20250101-a", document) == "runs/psp/20250101-a/run.json"
    write_run(lake, "pain", "x", {"parts": {}})
    assert list_runs(lake) == [("pain", "x"), ("psp", "20250101-a")]
    assert read_run(lake, "psp", "20250101-a")["seed"] == 3
    assert run_parts(read_run(lake, "psp", "20250101-a")) == {part}
    with pytest.raises(FileNotFoundError):
        read_run(lake, "psp", "none")


@pytest.mark.parametrize("document", [{}, {"parts": None}, {"parts": {"ratio": ["sub-01"]}}])
def test_a_document_must_name_its_parts(lake, document):
    with pytest.raises(ValueError, match=r"parts|key"):
        write_run(lake, "psp", "a", document)
    assert list_runs(lake) == []


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b"])
def test_names_of_runs_are_file_names(lake, name):
    with pytest.raises(ValueError, match="is not a name"):
        write_run(lake, "psp", name, {"parts": {}})


def test_a_damaged_document_is_named(lake):
    lake.store.write("runs/psp/a/run.json", b"{half")
    with pytest.raises(RunError, match=r"runs/psp/a/run\.json is not JSON"):
        read_run(lake, "psp", "a")


def test_environment_holds_installed_versions():
    found = environment()
    assert found["python"] == platform.python_version()
    assert found["packages"]["zarr"] == metadata.version("zarr")
    assert found["packages"]["rt1t2-dask"] == metadata.version("rt1t2-dask")
    assert "pytest" not in found["packages"]
