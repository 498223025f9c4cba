"""Recompute the shipped centres of the Desikan-Killiany regions on the sphere.

``python -m rt1t2_dask.morphometry.build_sphere`` writes ``dk_sphere.tsv`` into the package's
``data`` folder from the assets ``desikan_killiany`` and ``ahba_expression`` (for the order of
names) and the fsaverage5 surfaces that come with nilearn.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rt1t2_dask import assets
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.morphometry.surface import SURFACES, centroids, hemisphere, vertex_regions
from rt1t2_dask.transcriptome.expression import read_expression

OUT = Path(__file__).parents[1] / "data" / "dk_sphere.tsv"


def main() -> None:
    """Write the table."""
    atlas = from_bytes(assets.read(assets.resolve("desikan_killiany")), "atlas", kind="map")
    named = read_expression(assets.read(assets.resolve("ahba_expression")), "expression").regions
    rows = []
    for side in ("left", "right"):
        labels = [
            k + 1
            for k, name in enumerate(named)
            if name.startswith(f"{side[0]}h_") and (k if side == "left" else k - 41) < 34
        ]
        surface = hemisphere(
            {n: assets.read(assets.resolve(f"fsaverage5_{n}_{side}")) for n in SURFACES}
        )
        found = vertex_regions(surface, atlas, labels)
        places = centroids(surface, found, len(labels))
        rows += [
            (named[label - 1], label, *place.round(3).tolist())
            for label, place in zip(labels, places, strict=True)
        ]
    table = pd.DataFrame(rows, columns=["region", "label", "x", "y", "z"])
    table.to_csv(OUT, sep="\t", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
