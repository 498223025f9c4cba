"""The tutorial's numbers and picture, from a finished default study: ``tutorial outputs/psp``.

Rewrites what stands between the marks of docs/tutorial.md and the picture docs/simulated_study.png.
The last line is JSON: what is lowest in each planted sphere, and how many clusters there are.
"""

from __future__ import annotations

import html
import io
import json
import re
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from nibabel.affines import apply_affine
from PIL import Image
from scipy import ndimage, stats
from summary.figures import conclude

from rt1t2_dask.simulate.cohort import PAPER_EFFECTS

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE, PICTURE = DOCS / "tutorial.md", DOCS / "simulated_study.png"
BLOCK = re.compile(r"(<!-- (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
WIDTH, COLOURS = 800, 255
P, DOF, EXTENT_MM3 = 0.001, 27, 750
CLUSTERS = {
    "sign": "sign", "volume_mm3": "volume_mm3", "peak_t": "peak_t", "x": "peak_x_mm",
    "y": "peak_y_mm", "z": "peak_z_mm", "extent_p_fwe_rft": "extent_p_fwe_rft",
    "peak_p_fwe_permutation": "peak_p_fwe_permutation", "region": "region",
}  # fmt: skip
RECEPTORS = ("receptor", "mean_fisher_z", "p_permutation", "q_fdr", "p_spatial")


def main() -> None:
    output = Path(sys.argv[1])
    found = made(output)
    PAGE.write_text(filled(PAGE.read_text(), found))
    PICTURE.write_bytes(picture(output / "figures" / "contrast-pspVsHc_overview.png"))
    print(found["headline"])
    print(f"{PICTURE.name}: {PICTURE.stat().st_size / 1e3:.0f} kB")
    clusters = len(table(output / "group" / "contrast-pspVsHc_clusters.tsv"))
    lowest = spheres(output)["lowest t in it"].tolist()
    conclude("tutorial", {"clusters": clusters, "lowest_t": lowest})


def made(output: Path) -> dict[str, str]:
    """Write each block of the page, Markdown, from an output folder."""
    group = output / "group"
    clusters = table(group / "contrast-pspVsHc_clusters.tsv")
    receptors = table(group / "receptors.tsv")
    order = receptors["mean_fisher_z"].abs().sort_values(ascending=False).index
    permuted = json.loads((group / "contrast-pspVsHc_permutation.json").read_text())
    facts = {
        "relabelings": permuted["n"],
        "largest t seen, either sign": permuted["observed_maximum"]["max_t"],
        "t for FWE p = .05": permuted["critical_05"]["max_t"],
        "FWE p": permuted["p"]["max_t"],
    }
    return {
        "headline": "\n>\n".join(f"> {line}" for line in headline(output / "report.html")),
        "people": markdown(table(group / "demographics.tsv")),
        "clusters": markdown(clusters[list(CLUSTERS.values())].set_axis(list(CLUSTERS), axis=1)),
        "permutation": markdown(pd.DataFrame([facts])),
        "planted": markdown(spheres(output)),
        "receptors": markdown(receptors.loc[order[:5], list(RECEPTORS)]),
    }


def filled(page: str, found: dict[str, str]) -> str:
    """Put the blocks between their marks."""
    return BLOCK.sub(lambda block: block[1] + found[block["name"]] + "\n" + block[3], page)


def blocks(page: str) -> dict[str, str]:
    """Read the blocks back from the page."""
    text = {block["name"]: block[0].split("\n", 1)[1] for block in BLOCK.finditer(page)}
    return {name: body.rsplit("\n", 1)[0] for name, body in text.items()}


def headline(report: Path) -> list[str]:
    text = report.read_text()
    part = re.search(r'<div class="headline">(.*?)</div>', text, re.DOTALL)
    sentences = re.findall(r"<p>(.*?)</p>", part[1] if part else "", re.DOTALL)
    return [html.unescape(" ".join(sentence.split())) for sentence in sentences]


def spheres(output: Path) -> pd.DataFrame:
    """Give the lowest t inside each sphere in which the ratio was lowered."""
    image = nib.nifti1.load(output / "group" / "contrast-pspVsHc_stat-t_statmap.nii.gz")
    t = np.asarray(image.dataobj, dtype=np.float64)
    index = np.moveaxis(np.indices(t.shape), 0, -1)
    points = apply_affine(image.affine, index)
    found = large_clusters(t, float(np.prod(image.header.get_zooms()[:3])))
    rows = []
    for effect in PAPER_EFFECTS:
        inside = np.linalg.norm(points - effect.centre_mm, axis=-1) <= effect.radius_mm
        place = " ".join(f"{mm:g}" for mm in effect.centre_mm)
        name = effect.name.replace("_", " ")
        lowest = round(float(np.nanmin(t[inside])), 2)
        change, seen = f"{100 * effect.change:g} %", "yes" if found[inside].any() else "no"
        rows.append((name, place, effect.radius_mm, change, lowest, seen))
    columns = ["planted", "centre (mm)", "radius (mm)", "change", "lowest t in it", "in a cluster"]
    return pd.DataFrame(rows, columns=columns)


def large_clusters(t: np.ndarray, voxel_mm3: float) -> np.ndarray:
    """Find the voxels of the table's negative clusters: 27 degrees of freedom, 18 neighbours."""
    below = np.nan_to_num(t) < -stats.t.isf(P, DOF)
    labels, _ = ndimage.label(below, ndimage.generate_binary_structure(3, 2))
    large = np.bincount(labels.ravel())[labels] * voxel_mm3 >= EXTENT_MM3
    return np.asarray(below & large)


def table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", keep_default_na=False, na_values=["n/a"])


def markdown(rows: pd.DataFrame) -> str:
    cells = [[str(name) for name in rows.columns]]
    cells += [["---"] * len(rows.columns)]
    cells += [[shown(value) for value in row] for row in rows.itertuples(index=False)]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def shown(value: object) -> str:
    if isinstance(value, float):
        return "n/a" if np.isnan(value) else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return str(value).replace("|", "\\|")


def picture(figure: Path) -> bytes:
    """Shrink a figure to what a README carries."""
    image = Image.open(figure).convert("RGB")
    small = image.resize(
        (WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS
    )
    content = io.BytesIO()
    few = small.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(content, "PNG", optimize=True)
    return content.getvalue()


if __name__ == "__main__":
    main()
