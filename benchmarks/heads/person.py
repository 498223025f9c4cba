"""One person through the pipeline's own stages, in a process of its own; prints one JSON line.

    python -m benchmarks.heads.person FOLDER LABEL

CPU seconds of each stage (children included), and Dice of the truth's grey and white
matter in template space against the template's: affine, deformable, and by antspyx SyNQuick on
the same images where antspyx is installed. A line of `MADE` says when the person's parts are there.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
from hydra import compose, initialize_config_module
from numpy.typing import NDArray
from omegaconf import OmegaConf

from rt1t2_dask.config.study import Config, parse
from rt1t2_dask.images.child import write_image
from rt1t2_dask.images.registration.normalise import cropped
from rt1t2_dask.images.resample import regrid, template_grid, to_grid
from rt1t2_dask.images.transform import Warp
from rt1t2_dask.images.volume import Grid, Volume
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.engine.work import make_part
from rt1t2_dask.pipelines.images.plan import ImagePlan, plan_images
from rt1t2_dask.storage.parts import Lake

Carry = Callable[[Volume], Volume]
MADE = "made"
REGISTRATION_MM, OUTPUT_MM = 2.0, 1.0


def main() -> None:
    """Make one person's parts and print the figures."""

    folder, label = Path(sys.argv[1]), sys.argv[2]
    config = configured(folder)
    lake = Lake(config.storage.url)
    people = pd.DataFrame({"participant_id": [label], "group": ["hc"]})
    plan = plan_images(config, people)
    spent = made(lake, plan)
    print(MADE, flush=True)
    print(json.dumps({"cpu_s": spent} | dice(lake, plan, folder / label)))


def configured(folder: Path, *more: str) -> Config:
    """Compose a study of one folder; `more` overrides come last."""

    words = [
        "+cohort=psp",
        "source=bids",
        f"source.root={folder}/bids",
        f"storage.url={folder}/lake",
        f"normalise.voxel_mm={REGISTRATION_MM:g}",
        f"template.voxel_mm={OUTPUT_MM:g}",
        *more,
    ]
    with initialize_config_module("rt1t2_dask.conf", version_base="1.3"):
        tree = OmegaConf.to_container(compose("config", overrides=words), resolve=True)
    assert isinstance(tree, dict)
    return parse({str(key): value for key, value in tree.items()})


def made(lake: Lake, plan: ImagePlan) -> dict[str, float]:
    """Make the shared parts, then the person's; CPU seconds of the latter."""
    for task in plan.shared.values():
        make_part(lake, task)
    spent = {}
    for stage, task in plan.people[0].tasks.items():
        outcome = make_part(lake, task)
        if outcome.reason is not None:
            sys.exit(f"{stage}: {outcome.reason}")
        spent[stage] = round(outcome.cpu_s, 2)
    return spent


def dice(lake: Lake, plan: ImagePlan, stem: Path) -> dict[str, float]:
    """Give the overlap of the carried truth with the template by tissue and method."""

    template = lake.read(plan.shared["template_out"].part)
    grid = to_volume(template["t1w"]).grid
    normalised = lake.read(plan.people[0].part("normalise"))
    affine = normalised["affine"].to_numpy()
    field = to_volume(normalised["displacement"])
    x, y, z = field.data.shape[:3]
    warps = {
        "affine": Warp(affine),
        "deformable": Warp(affine, field.data, Grid((x, y, z), field.affine)),
    }
    carries: dict[str, Carry] = {name: carried_by(warp, grid) for name, warp in warps.items()}
    figures = {}
    if find_spec("ants") is not None:
        cpu, carries["synquick"] = synquick(lake, plan, grid)
        figures["synquick_cpu_s"] = cpu
    for tissue, name in (("gm", "grey"), ("wm", "white")):
        truth = read(stem.with_name(f"{stem.name}_{tissue}.nii"))
        wanted = to_volume(template[name]).data > 0.5
        for kind, carry in carries.items():
            figures[f"{tissue}_{kind}"] = overlap(carry(truth).data > 0.5, wanted)
    return figures


def carried_by(warp: Warp, grid: Grid) -> Carry:
    """Carry by a warp of ours."""

    def carry(image: Volume) -> Volume:
        return to_grid(image, grid, warp=warp, order=1)

    return carry


def overlap(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Give the Dice of two masks."""

    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def read(path: Path) -> Volume:
    """Read a NIfTI file."""

    image = nib.load(path)
    assert isinstance(image, nib.Nifti1Image)
    return Volume(image.get_fdata(dtype=np.float32), np.asarray(image.affine))


def synquick(lake: Lake, plan: ImagePlan, grid: Grid) -> tuple[float, Carry]:
    """Register what our normalisation registers, at the same voxel size, on one thread."""
    import ants

    ants.config.set_ants_deterministic(True, 1)
    person = plan.people[0]
    t1w = to_volume(lake.read(person.part("bias"))["t1w_corrected"])
    brain = to_volume(lake.read(person.part("brain"))["brain"]).data > 0
    whole = to_volume(lake.read(plan.shared["template"].part)["t1w"])
    fine = template_grid(whole.grid, REGISTRATION_MM)
    fixed = cropped(to_grid(whole, fine, order=1))
    moving = cropped(regrid(t1w.with_data(np.where(brain, t1w.data, 0)), REGISTRATION_MM))
    images = [as_ants(fixed), as_ants(moving)]
    began = os.times()
    found = ants.registration(*images, "antsRegistrationSyNQuick[s]")
    cpu = os.times().user - began.user
    target = as_ants(Volume(np.zeros(grid.shape, np.float32), grid.affine))

    def carry(image: Volume) -> Volume:
        moved = ants.apply_transforms(target, as_ants(image), found["fwdtransforms"])
        return Volume(moved.numpy(), grid.affine)

    return cpu, carry


def as_ants(volume: Volume) -> Any:
    """Give an ANTs image, by way of a file."""

    import ants

    with tempfile.TemporaryDirectory() as folder:
        write_image(volume, Path(folder) / "image.nii")
        return ants.image_read(f"{folder}/image.nii")


if __name__ == "__main__":
    main()
