"""Recompute the shipped regional means from the assets.

``python -m rt1t2_dask.receptors.build_table ASSETS_DIR`` writes ``neuromorphometrics.tsv``,
``pet_parcels.tsv`` and the checksums in ``pet_sources.json`` into the package's ``data`` folder.
Each map keeps its own grid; the atlas is moved to it.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nibabel as nib
import numpy as np
import pandas as pd

from rt1t2_dask.atlas import NOT_GREY, Atlas, neuromorphometrics, on_grid
from rt1t2_dask.images.volume import Volume
from rt1t2_dask.stats.parcels import parcel_means

DATA = Path(__file__).parents[1] / "data"
_FIRST_GYRUS = 100
_SUBCORTEX = re.compile(r"Accumbens|Amygdala|Caudate|Hippocampus|Pallidum|Putamen|Thalamus|Basal")
_ABBREVIATED = re.compile(r"(Left|Right) ([A-Z][A-Za-z]*[A-Z][A-Za-z]*|Calc|Cun|Ent) (.+)")


def region_table(image: Volume, xml: str) -> pd.DataFrame:
    """Tabulate the labels with readable names, kind, volume and centroid (mm)."""
    rows = []
    for label in ElementTree.fromstring(xml).iter("label"):  # noqa: S314 (SPM's own file)
        index, name = int(label.findtext("index", "")), label.findtext("name", "")
        voxels = np.argwhere(image.data == index)
        centre = image.affine[:3, :3] @ voxels.mean(axis=0) + image.affine[:3, 3]
        rows.append(
            {
                "index": index,
                **_naming(name),
                "structure": _structure(index, name),
                "grey": index not in NOT_GREY,
                "volume_mm3": round(len(voxels) * image.grid.voxel_volume_mm3, 3),
                **dict(zip(("x_mm", "y_mm", "z_mm"), centre.round(3), strict=True)),
            }
        )
    return pd.DataFrame(rows).sort_values("index")


def _naming(name: str) -> dict[str, str]:
    match = _ABBREVIATED.fullmatch(name)
    side = name.split()[0].lower()
    return {
        "name": f"{match[1]} {match[3]}" if match else name,
        "abbreviation": match[2] if match else "",
        "hemisphere": side if side in ("left", "right") else "midline",
    }


def _structure(index: int, name: str) -> str:
    if index in NOT_GREY:
        return "other"
    if index >= _FIRST_GYRUS:
        return "cortex"
    return "subcortex" if _SUBCORTEX.search(name) else "cerebellum"


def map_means(volume: Volume, atlas: Atlas) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Average one map over the grey-matter regions, on the map's own grid."""
    return parcel_means(volume.data, on_grid(atlas, volume.grid), atlas.grey)


def _load(path: Path) -> Volume:
    image: Any = nib.load(path)
    data = np.asarray(image.get_fdata(dtype=np.float64))
    return Volume(data[..., 0] / 255 if path.name == "tpm_uint8.nii.gz" else data, image.affine)


def build(assets: Path, data: Path = DATA) -> None:
    """Write the tables and refresh the checksums in ``data``, which holds ``pet_sources.json``."""
    image = _load(assets / "atlas" / "labels_Neuromorphometrics.nii.gz")
    xml = (assets / "atlas" / "labels_Neuromorphometrics.xml").read_text(encoding="latin-1")
    table = region_table(image, xml)
    table.to_csv(data / "neuromorphometrics.tsv", sep="\t", index=False, lineterminator="\n")
    atlas = neuromorphometrics(image)
    sources = json.loads((data / "pet_sources.json").read_text(encoding="utf-8"))
    columns = {}
    for entry in sources["maps"]:
        columns[entry["map"]] = _column(entry, assets / "pet", atlas)
    columns["gm_prior"] = _column(sources["gm_prior"], assets / "template", atlas)
    means = pd.DataFrame(columns, index=pd.Index(atlas.grey, name="index"))
    means.to_csv(data / "pet_parcels.tsv", sep="\t", float_format="%.9g", lineterminator="\n")
    text = json.dumps(sources, indent=1, ensure_ascii=False) + "\n"
    (data / "pet_sources.json").write_text(text, encoding="utf-8")


def _column(entry: dict[str, Any], folder: Path, atlas: Atlas) -> Any:
    path = folder / entry["file"]
    entry["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return map_means(_load(path), atlas)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
