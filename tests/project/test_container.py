"""The image is built by buildah over a base by debootstrap, and runs one simulated person."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from checkouts import ROOT, copied, needs_checkout, run

from rt1t2_dask.pipelines.people.simulated import template_head
from rt1t2_dask.simulate.cohort import GroupSpec, simulate_participant

LABEL, TAG, OWNER = "sub-01", "rt1t2-dask:tried", 1000
IMAGE, BASE = f"localhost/{TAG}", "localhost/debian"
TOOLS = ("buildah", "debootstrap")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]

pytestmark = [
    pytest.mark.container,
    pytest.mark.packaging,
    pytest.mark.heavy,
    needs_checkout,
    pytest.mark.timeout(7200),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="debootstrap needs root"),
]


class Buildah:
    """Images and containers below one folder, without a daemon or a kernel's namespaces."""

    def __init__(self, folder: Path) -> None:
        places = ["--root", str(folder / "storage"), "--runroot", str(folder / "run")]
        self._words = ["buildah", *places, "--storage-driver", "vfs"]

    def __call__(self, *words: str) -> str:
        return run([*self._words, *words]).strip()


@pytest.fixture(scope="module")
def buildah(tmp_path_factory) -> Iterator[Buildah]:
    folder = tmp_path_factory.mktemp("images")
    yield Buildah(folder)
    shutil.rmtree(folder)  # gigabytes


@pytest.fixture(scope="module")
def base(buildah, tmp_path_factory) -> str:
    """An image of Debian alone; RT1T2_DEBIAN names a root that was made before."""
    folder = tmp_path_factory.mktemp("base")
    root = Path(os.environ.get("RT1T2_DEBIAN") or folder / "root")
    if not root.exists():
        run([str(ROOT / ".ci" / "debian_root"), str(root)])
    container = buildah("from", "scratch")
    buildah("add", "-q", container, str(root), "/")
    buildah("commit", "-q", "--rm", container, BASE)
    shutil.rmtree(folder)
    return BASE


@pytest.fixture(scope="module")
def image(buildah, base, tmp_path_factory) -> str:
    tree = copied(tmp_path_factory.mktemp("checkout"), links=True)
    buildah(
        *("bud", "-q", "--isolation", "chroot", "-f", str(tree / "containers" / "Dockerfile")),
        *("--build-arg", f"BASE={base}", "--build-arg", "EXTRAS=", "--build-arg", f"TAG={TAG}"),
        *("-t", IMAGE, str(tree)),
    )
    return IMAGE


@pytest.fixture
def scans(tmp_path) -> Path:
    anat = tmp_path / "bids" / LABEL / "anat"
    anat.mkdir(parents=True)
    described = {"Name": "SIMULATED", "BIDSVersion": "1.8.0", "simulated": True}
    (tmp_path / "bids" / "dataset_description.json").write_text(json.dumps(described))
    spec = GroupSpec("HC", 1, 60, 10, 0)
    person = simulate_participant(template_head(), LABEL, spec, seed=3, voxel_mm=4.0, effects=())
    for suffix, image in (("T1w", person.t1w), ("T2w", person.t2w)):
        stored = nib.Nifti1Image(np.asarray(image.data, dtype=np.float32), image.affine)
        stored.to_filename(anat / f"{LABEL}_{suffix}.nii.gz")
    return tmp_path / "bids"


def test_the_image_runs_one_person_as_a_bids_app(buildah, image, scans, tmp_path):
    said = json.loads(buildah("inspect", "--type", "image", image))["Docker"]["config"]
    assert said["Entrypoint"] == ["rt1t2-dask"]
    places = {name: tmp_path / name for name in ("out", "lake")}
    for place in places.values():
        place.mkdir()
        os.chown(place, OWNER, OWNER)
    container = buildah("from", image)
    volumes = [f"{scans}:/bids:ro", *(f"{place}:/{name}" for name, place in places.items())]
    buildah(
        *("run", "--isolation", "chroot", *(word for v in volumes for word in ("-v", v))),
        *(container, "--", *said["Entrypoint"], "/bids", "/out", "participant"),
        *("--participant-label", "01", "-w", "/lake", "--n-cpus", "1", "--mem-gb", "4"),
        "template.voxel_mm=4",
    )
    ratio = places["out"] / LABEL / "anat" / f"{LABEL}_desc-ratio_T1wT2wratio.nii.gz"
    assert ratio.stat().st_uid == OWNER
    assert np.isfinite(nib.load(ratio).get_fdata()).any()
    described = json.loads((places["out"] / "dataset_description.json").read_text())
    assert described["GeneratedBy"][0]["Container"] == {"Type": "docker", "Tag": TAG}
    assert described["simulated"] is True
