"""A person's surfaces, read from the files of whoever made them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rt1t2_dask.bids.surfaces import role_of
from rt1t2_dask.pipelines.engine.task import Inputs
from rt1t2_dask.surface.freesurfer import read_geometry
from rt1t2_dask.surface.gifti import read_surface
from rt1t2_dask.surface.mesh import Mesh, check_pair
from rt1t2_dask.surface.tkr import scanner_from_tkr

ORIG = "orig"


@dataclass(frozen=True, eq=False)
class Cortex:
    """One hemisphere of a person, vertices in correspondence: scanner mm, and the sphere."""

    white: Mesh
    pial: Mesh
    sphere: Mesh


def read_cortex(inputs: Inputs, kind: str, side: str) -> Cortex:
    """Read a hemisphere.

    Parameters
    ----------
    kind : {"smriprep", "freesurfer", "simulated"}
    side : {"left", "right"}

    Raises
    ------
    SubjectError
        A file is broken, or the surfaces do not belong together.
    """
    files = {name: _content(inputs, role_of(name, side)) for name in ("white", "pial", "sphere")}
    if kind == "freesurfer":
        to_scanner = scanner_from_tkr(_content(inputs, ORIG))
        places = {"white": to_scanner, "pial": to_scanner, "sphere": np.eye(4)}
        meshes = {
            name: read_geometry(own, places[name], f"{name} surface of the {side} hemisphere")
            for name, own in files.items()
        }
    else:
        meshes = {
            name: read_surface(own, f"{name} surface of the {side} hemisphere")
            for name, own in files.items()
        }
    check_pair(meshes["white"], meshes["pial"])
    check_pair(meshes["white"], meshes["sphere"])
    return Cortex(**meshes)


def _content(inputs: Inputs, role: str) -> bytes:
    file = inputs.file(role)
    assert file is not None
    return file.read()
