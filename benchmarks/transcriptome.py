"""Similarity and gene expression against worked numbers, peers and random maps.

``RT1T2_ASSETS=... python benchmarks/transcriptome.py [--peer PYTHON] [--maps N]``: ``--peer`` is
the Python of another environment with numpy, in which a plain loop over spins is timed.
``RT1T2_NSPN_GENES`` names the published NSPN gene weights (symbol, number, Z a line), if there.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from nulls.expression import false_positives
from numpy.typing import NDArray
from scipy import ndimage
from summary.figures import conclude

from rt1t2_dask import assets
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.morphometry import similarity
from rt1t2_dask.morphometry.across import combine
from rt1t2_dask.morphometry.regions import sphere_centroids
from rt1t2_dask.stats import contrast, from_formula
from rt1t2_dask.transcriptome import enrichment, genes, pls, spins
from rt1t2_dask.transcriptome.expression import Expression, read_expression, read_gmt

Float = NDArray[np.float64]
CASES = ("imt_test_input_cort", "imt_test_input_cortsub")
TARGETS = {
    "5HT1a_WAY_HC36": "HTR1A",
    "D2_fallypride_hc49_jaworska": "DRD2",
    "MU_carfentanil_hc39_turtonen": "OPRM1",
    "KappaOp_LY2795050_hc10_ShokriKojori": "OPRK1",
    "CB1_FMPEPd2_hc22_laurikainen": "CNR1",
    "mGluR5_abp_hc73_smart": "GRM5",
}
FIVE = ("volume", "area", "thickness", "meancurv", "gauscurv")
LEFT, WITH_SUBCORTEX = 34, 41
SAME_FIT = 1e-9


def reference() -> Path:
    """Find the worked numbers beside the first folder of assets."""
    first = os.environ["RT1T2_ASSETS"].split(os.pathsep)[0]
    return Path(first).resolve().parent / "reference" / "transcriptomics"


def worked(expression: Expression) -> dict[str, float]:
    """Compare R^2, p and weights of both test maps, and enrichment scores."""
    found: dict[str, float] = {}
    for name in CASES:
        own = reference() / name
        regions = pd.read_csv(own / "regions.csv")
        x = pls.zscore(expression.values[:WITH_SUBCORTEX])[: len(regions)]
        y = pls.zscore(regions[["value"]].to_numpy())
        known = json.loads((own / "summary.json").read_text())
        order = np.loadtxt(own / "perm_index_1000xN.csv", delimiter=",", dtype=np.intp)
        gram = pls.gram_matrix(x)
        fitted = pls.simpls(gram, y)
        null = pls.explained_null(gram, y, order)
        p = pls.spin_p(fitted.explained.cumsum(), null.cumsum(axis=1))
        weights = pls.gene_weights(x, fitted.coefficients)
        listed = pd.read_csv(own / "genes.csv.gz", keep_default_na=False)
        off = max(
            float(np.max(np.abs(weights[:, k] / listed[f"w{k + 1}"].astype(float) - 1)))
            for k in (0, 1)
        )
        r2 = np.abs(fitted.explained - [known["R2_1"], known["R2_2"]]).max()
        at_p = np.abs(p - [known["p_add1_1"], known["p_add1_2"]]).max()
        print(f"{name}: R^2 off {r2:.1e}, p off {at_p:.1e}, weights off {off:.1e} (relative)")
        found["pls_difference"] = max(found.get("pls_difference", 0.0), off)
        if (own / "gsea_es.csv").exists():
            found["es_difference"] = scores(weights[:, 0], listed, own)
    return found


def scores(weights: Float, listed: pd.DataFrame, own: Path) -> float:
    """Compare enrichment scores with gseapy's: names once, weights centred."""
    kept = ~listed["gene"].duplicated().to_numpy()
    place = {name: k for k, name in enumerate(listed["gene"][kept])}
    sets: dict[str, tuple[str, ...]] = {}
    for name in ("gene_sets_pooled", "gene_sets_go_pain"):
        sets |= read_gmt(assets.read(assets.resolve(name)), name)
    by_term = {label.rsplit("(")[-1].rstrip(")"): own_genes for label, own_genes in sets.items()}
    expected = pd.read_csv(own / "gsea_es.csv")
    rows = [np.array([place[g] for g in by_term[t] if g in place]) for t in expected["term"]]
    members = enrichment.membership(rows, int(kept.sum()))
    found, _ = enrichment.running_sum(weights[kept] - weights[kept].mean(), members)
    printed = float(np.abs(found - expected["es_gseapy_w1"]).max())
    centred = weights[kept] - weights[kept].mean()
    off = max(abs(plain(centred, own) - score) for own, score in zip(rows, found, strict=True))
    print(
        f"enrichment scores of {len(found)} sets: off {printed:.1e} from gseapy's 7 printed "
        f"digits, {off:.1e} from a plain running sum"
    )
    return off


def plain(statistic: Float, members: NDArray[np.intp]) -> float:
    """Walk down the ranking of one set (Subramanian et al. 2005)."""
    order = np.argsort(-statistic, kind="stable")
    hit = np.isin(order, members)
    strength = np.where(hit, np.abs(statistic[order]), 0.0)
    run = np.cumsum(strength / strength.sum() - ~hit / np.count_nonzero(~hit))
    return float(run[np.argmax(np.abs(run))])


def nspn() -> float:
    """Compare similarity, case-control and cohorts together on the NSPN tables."""
    folder = reference() / "ms_nspn"
    known = np.load(folder / "features_first40.npz", allow_pickle=True)
    columns = [list(known["features"]).index(f) for f in FIVE]
    values = np.moveaxis(known["values"], 0, 2)[:, :, columns]
    expected = pd.read_csv(folder / "regional_ms_T1_5_first40.csv.gz").iloc[:, 1:].to_numpy()
    off = [np.abs(similarity.regional(similarity.networks(values)) - expected).max()]
    people = pd.read_csv(folder / "design_all297.csv")
    every = pd.read_csv(folder / "regional_ms_T1_5_all297.csv.gz").iloc[:, 1:].to_numpy()
    table = pd.read_csv(folder / "case_control_T1_5.csv")
    named = pd.DataFrame(
        {
            "group": people["group"].map({0: "reference", 1: "site"}),
            "age": people["age"],
            "sex": people["sex"].map({0: "f", 1: "m"}),
        }
    )
    t, dof, n = [], [], []
    for cohort in ("discovery", "validation"):
        rows = np.flatnonzero((people["cohort"] == cohort).to_numpy())
        design = from_formula("~ group + age * sex", named, rows, of="group", reference="reference")
        found = contrast(every, design)
        off.append(np.abs(found["t"].to_numpy() - table[f"t_{cohort}"]).max())
        t.append(found["t"].to_numpy())
        dof.append(found["dof"].to_numpy())
        n.append(len(rows))
    together = combine(np.array(t), np.array(dof), n)
    off += [np.abs(together[c] - table[c]).max() for c in ("p_fisher", "q_fisher", "mean_t")]
    print(f"NSPN similarity, t, Fisher's p and q, mean t: off {max(off):.1e}")
    return float(max(off))


def published(expression: Expression) -> float:
    """Correlate the published NSPN gene Z with weights of their maps over 34 regions.

    Without the published file: r of the reference run, once our fit is shown to be that run's.
    """
    folder = reference() / "nspn_pls_published"
    maps = pls.zscore(pd.read_csv(folder / "response_dk34.csv").iloc[:, 1:].to_numpy())
    x = pls.zscore(expression.values[:LEFT])
    fitted = pls.simpls(pls.gram_matrix(x), maps)
    expected = json.loads((folder / "concordance.json").read_text())
    off = np.abs(fitted.explained - expected["pctvar_y"]).max()
    r = expected["pubPLS1_vs_our_w1"][1]
    print(
        f"NSPN maps, four columns: share of variance off {off:.1e} from the run behind r = {r:.4f}"
    )
    path = os.environ.get("RT1T2_NSPN_GENES")
    if path is None:
        assert off < SAME_FIT
        print(f"RT1T2_NSPN_GENES is not set: r = {r:.4f} is the reference run's, whose fit is ours")
        return float(r)
    listed = pd.read_csv(path, header=None).drop_duplicates(0)
    own = dict(zip(expression.genes, pls.gene_weights(x, fitted.coefficients)[:, 0], strict=True))
    shared = listed[listed[0].isin(own)]
    z = shared.iloc[:, -1].to_numpy(float)
    value = float(np.corrcoef(z, [own[g] for g in shared[0]])[0, 1])
    print(f"NSPN published Z against ours: r = {value:.4f} on {len(shared)} genes")
    return value


def receptors(expression: Expression) -> dict[str, float]:
    """Rank each receptor's own gene among all for its PET map, cortex and subcortex."""
    atlas = from_bytes(assets.read(assets.resolve("desikan_killiany")), "atlas", kind="map")
    labels = np.rint(atlas.data).astype(int)
    shares = {}
    for name, gene in TARGETS.items():
        asset = assets.find(f"pet:{name}")
        if asset is None:
            print(f"{name}: not installed")
            continue
        image = from_bytes(assets.read(asset), name, kind="map")
        moved = np.linalg.inv(image.affine) @ atlas.affine
        pet = ndimage.affine_transform(
            np.nan_to_num(image.data), moved[:3, :3], moved[:3, 3], labels.shape, order=1
        )
        values = ndimage.mean(pet, labels, range(1, WITH_SUBCORTEX + 1))
        rho = genes.unit_ranks(expression.values[:WITH_SUBCORTEX]).T @ genes.unit_ranks(values)
        own = rho[expression.genes.index(gene)]
        shares[gene] = float(np.mean(rho >= own))
        print(f"{name}: {gene} rho {own:.3f}, among the first {100 * shares[gene]:.2f} %")
    return shares


LOOP = """
import sys, time, numpy as np
x, y, orders = (np.load(f"{sys.argv[1]}/{n}.npy") for n in ("x", "y", "orders"))
rank = lambda v: np.argsort(np.argsort(v, axis=0), axis=0).astype(float)
rx = rank(x); rx -= rx.mean(0); rx /= np.linalg.norm(rx, axis=0)
def r2(v):
    xc, cov, out = x - x.mean(0), None, 0.0
    cov = xc.T @ (v - v.mean()); basis = np.zeros((x.shape[1], 0))
    for _ in range(2):
        t = xc @ (cov / np.linalg.norm(cov)); t /= np.linalg.norm(t)
        out += (t @ v) ** 2; p = xc.T @ t; p -= basis @ (basis.T @ p)
        basis = np.column_stack([basis, p / np.linalg.norm(p)]); cov = cov - basis @ (basis.T @ cov)
    return out
began = time.process_time(); bar = np.abs(rx.T @ (rank(y) - rank(y).mean())); count = 0
for order in orders:
    v = y[order]; r2(v); rv = rank(v) - (len(v) - 1) / 2
    count = count + (np.abs(rx.T @ rv) >= bar)
print(time.process_time() - began)
"""


def speed(expression: Expression, peer: str | None, n: int = 10_000) -> dict[str, Any]:
    """Time PLS and all gene correlations under spins, and a plain loop over a tenth of them."""
    x = pls.zscore(expression.values[:LEFT])
    maps = pd.read_csv(reference() / "enigma_mdd_ct_cort" / "regions.csv")[["value"]].to_numpy()
    y = pls.zscore(maps)
    places = sphere_centroids(expression.regions[:LEFT])
    assert places is not None
    left = np.ones(LEFT, bool)
    spins.spin_orders(places, left, 5)
    began = time.process_time()
    orders = spins.spin_orders(places, left, n)
    gram = pls.gram_matrix(x)
    pls.explained_null(gram, y, orders)
    genes.correlate(x, y[:, 0], orders)
    ours = time.process_time() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{n} spins of PLS and {x.shape[1]} correlations: {ours:.2f} CPU s, peak {memory:.2f} GB")
    found: dict[str, Any] = {"cpu_s_10000_spins": ours, "peak_gb": memory}
    if peer:
        with tempfile.TemporaryDirectory() as folder:
            for name, array in (("x", x), ("y", y[:, 0]), ("orders", orders[: n // 10])):
                np.save(f"{folder}/{name}.npy", array)
            run = subprocess.run([peer, "-c", LOOP, folder], capture_output=True, text=True)
        theirs = 10 * float(run.stdout)
        print(f"numpy loop: {theirs:.1f} CPU s (ten times 1,000 spins), {theirs / ours:.0f} times")
        found["times_less_cpu"] = theirs / ours
    return found


def main() -> None:
    """Print a line a figure, then all as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer")
    parser.add_argument("--maps", type=int, default=500)
    asked = parser.parse_args()
    content = assets.read(assets.resolve("ahba_expression"))
    expression = read_expression(content, "expression")
    found: dict[str, Any] = dict(worked(expression))
    found["ms_difference"] = nspn()
    found["gene_z_correlation"] = published(expression)
    found["own_gene_share"] = receptors(expression)
    found |= speed(expression, asked.peer)
    found["false_positives"] = false_positives(expression, asked.maps)
    conclude("transcriptome", found)


if __name__ == "__main__":
    main()
