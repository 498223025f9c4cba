"""A person's surfaces, read from the files of whoever made them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rt1t2_dask.bids.surfaces import FSLR_SPHERE, KINDS, role_of
from rt1t2_dask.pipelines.engine.task import Inputs
from rt1t2_dask.surface.freesurfer import read_geometry
from rt1t2_dask.surface.gifti import read_surface
from rt1t2_dask.surface.mesh import Mesh, check_pair, midthickness
from rt1t2_dask.surface.tkr import scanner_from_tkr

ORIG = "orig"


@dataclass(frozen=True, eq=False)
class Cortex:
    """One hemisphere of a person, vertices in correspondence: scanner mm, and the sphere.

    The sphere is registered to fsaverage, or with ``registered_to_mesh`` to fsLR itself.
    """

    white: Mesh
    pial: Mesh
    sphere: Mesh
    registered_to_mesh: bool = False

    @cached_property
    def middle(self) -> Mesh:
        """The midthickness surface."""
        return midthickness(self.white, self.pial)


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
    freesurfer = kind == "freesurfer"
    to_scanner = scanner_from_tkr(_content(inputs, ORIG)) if freesurfer else None
    own = inputs.file(role_of(FSLR_SPHERE, side)) is not None
    names = {name: name for name in KINDS} | ({"sphere": FSLR_SPHERE} if own else {})
    meshes = {kind: _surface(inputs, name, side, to_scanner) for kind, name in names.items()}
    check_pair(meshes["white"], meshes["pial"])
    check_pair(meshes["white"], meshes["sphere"])
    return Cortex(**meshes, registered_to_mesh=own)


def _content(inputs: Inputs, role: str) -> bytes:
    file = inputs.file(role)
    assert file is not None
    return file.read()


def _surface(inputs: Inputs, name: str, side: str, to_scanner: NDArray[np.float64] | None) -> Mesh:
    """Read a surface: FreeSurfer's by its place in the scanner, the sphere as it is, or GIFTI."""
    content, said = (
        _content(inputs, role_of(name, side)),
        f"{name} surface of the {side} hemisphere",
    )
    if to_scanner is None:
        return read_surface(content, said)
    return read_geometry(content, np.eye(4) if name == "sphere" else to_scanner, said)
