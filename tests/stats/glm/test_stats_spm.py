"""SPM12 digit for digit: from images where the oracle is found, else from committed numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rt1t2_dask.stats import design
from rt1t2_dask.stats.clusters import cluster_table, peak_table, random_field, smoothness
from rt1t2_dask.stats.clusters import components as clusters
from rt1t2_dask.stats.glm import fit as glm
from rt1t2_dask.stats.glm import noise, reml
from rt1t2_dask.stats.multiplicity import benjamini_hochberg

CASES = ("nocov_equal", "nocov_unequal", "cov_equal", "cov_unequal")
THRESHOLDS = {
    "none0.001_k10": (0.001, 10),
    "none0.001_k0": (0.001, 0),
    "none0.005_k50": (0.005, 50),
    "FWE0.05_k0": (None, 0),
}
PRINTED = 2e-9  # summary files print 10 digits


@pytest.fixture(scope="module", params=CASES)
def fitted(request, oracle):
    case = request.param
    covariates = oracle.design[["age", "sex"]] if case.startswith("cov") else None
    model = design.two_sample([f"g{g}" for g in oracle.design["group"]], "g2", "g1", covariates)
    ratio = None
    if case.endswith("unequal"):
        half = oracle.data.shape[1] // 2
        parts = [
            reml.accumulate_cy(d, model) for d in (oracle.data[:, :half], oracle.data[:, half:])
        ]
        ratio = reml.group_variances(parts[0] + parts[1], model)
    result = glm.fit(oracle.data, model, "spm_unequal" if ratio else "equal", group_variance=ratio)
    residuals = noise.standardised_residuals(oracle.data, model, group_variance=ratio)
    fwhm = smoothness.fwhm_voxels(residuals, oracle.mask, model.dof)
    volume = random_field.SearchVolume.of(oracle.mask, fwhm, model.dof)
    return case, model, ratio, result, volume


@pytest.mark.assets
def test_t_map(fitted, oracle):
    case, _, _, result, _ = fitted
    expected = oracle.image(f"{case}_spmT_0001.nii.gz")[oracle.mask]
    np.testing.assert_allclose(result.t, expected, atol=1e-5)


@pytest.mark.assets
def test_contrast_image(fitted, oracle):
    case, _, _, result, _ = fitted
    if case != "cov_unequal":
        pytest.skip("the oracle kept this contrast image for cov_unequal only")
    expected = oracle.image(f"{case}_con_0001.nii.gz")[oracle.mask]
    np.testing.assert_allclose(result.effect, expected, atol=1e-6)


@pytest.mark.assets
def test_group_variances(fitted, oracle):
    case, model, ratio, _, _ = fitted
    if ratio is None:
        pytest.skip("equal variances have nothing to estimate")
    first, second = oracle.summary(case, "xVi.h")
    assert ratio["g2"] / ratio["g1"] == pytest.approx(second / first, rel=1e-8)
    assert np.mean([ratio[g] for g in model.group]) == pytest.approx(1.0)


@pytest.mark.assets
def test_smoothness(fitted, oracle):
    case, _, _, _, volume = fitted
    np.testing.assert_allclose(volume.fwhm, oracle.summary(case, "FWHM_vox"), rtol=PRINTED)
    np.testing.assert_allclose(volume.resels, oracle.summary(case, "R"), rtol=PRINTED)


@pytest.mark.assets
@pytest.mark.parametrize(("contrast", "sign"), [("con1", "positive"), ("con2", "negative")])
@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_tables(fitted, oracle, contrast, sign, threshold):
    case, model, _, result, volume = fitted
    p, extent = THRESHOLDS[threshold]
    height = random_field.critical_height(volume) if p is None else None
    t_map = np.full(oracle.mask.shape, np.nan)
    t_map[oracle.mask] = result.t
    found = clusters.find(
        t_map, oracle.affine, model.dof, sign=sign, p=p or 0, t_height=height, extent_mm3=8 * extent
    )
    expected = oracle.table(f"{case}_{contrast}_{threshold}_table.csv")
    actual = spm_rows(found, volume, extent)
    assert len(actual) == len(expected)
    for column in ("set_c", "clus_k", "x", "y", "z"):
        np.testing.assert_array_equal(actual[column], expected[column], err_msg=column)
    for column in expected.columns:
        np.testing.assert_allclose(
            actual[column], expected[column].astype(float), rtol=1e-5, err_msg=f"{case} {column}"
        )


def spm_rows(found, volume, extent):
    """Lay our clusters and peaks out as SPM's table."""
    rows = cluster_table.table([found], volume)
    peaks = peak_table.table([found], volume, lambda peak: "").set_index(["cluster", "peak"])
    whole = peak_table.set_level(found, volume)
    out = []
    for cluster, (_, row) in zip(found.clusters, rows.iterrows(), strict=True):
        for k in range(len(cluster.maxima)):
            line = dict.fromkeys(
                ("set_p", "set_c", "clus_pFWE", "clus_qFDR", "clus_k", "clus_punc")
            )
            if not out:
                assert found.extent_voxels == extent
                line |= {"set_p": whole["p"], "set_c": whole["clusters"]}
            if k == 0:
                line |= {"clus_pFWE": row["p_fwe_rft"], "clus_qFDR": row["q_fdr"]}
                line |= {"clus_k": row["voxels"], "clus_punc": row["p_uncorrected"]}
            own = peaks.loc[(row["cluster"], k + 1)]
            line |= {"peak_pFWE": own["p_fwe_rft"], "peak_qFDR": own["q_fdr"]}
            line |= {"T": abs(own["t"]), "Z": abs(own["zscore"])}
            line["peak_punc"] = own["p_uncorrected"]
            out.append(line | {axis: own[f"{axis}_mm"] for axis in "xyz"})
    columns = (
        "set_p set_c clus_pFWE clus_qFDR clus_k clus_punc peak_pFWE peak_qFDR T Z peak_punc x y z"
    )
    return pd.DataFrame(out, columns=columns.split(), dtype=float)


def volumes(tables):
    for _, rows in tables.groupby(["case", "contrast", "u", "extent"]):
        one = rows.iloc[0]
        fwhm = one[["fwhm_x", "fwhm_y", "fwhm_z"]].to_numpy(float)
        resels = one[[f"resel_{k}" for k in range(4)]].to_numpy(float)
        yield rows, random_field.SearchVolume(one["dof"], int(one["voxels"]), fwhm, resels)


def test_committed_tables(spm_tables):
    for rows, volume in volumes(spm_tables):
        u = float(rows["u"].iloc[0])
        heads = rows.dropna(subset=["clus_k"])
        k = heads["clus_k"]
        rtol = 2e-7  # tables print 8 digits, T itself comes from a float32 image
        np.testing.assert_allclose(
            random_field.cluster_p_uncorrected(k, u, volume), heads["clus_punc"], rtol=rtol
        )
        np.testing.assert_allclose(
            random_field.cluster_p_fwe(k, u, volume), heads["clus_pFWE"], rtol=rtol
        )
        np.testing.assert_allclose(
            random_field.peak_p_fwe(rows["T"], volume), rows["peak_pFWE"], rtol=5e-7
        )
        np.testing.assert_allclose(
            random_field.peak_p_uncorrected(rows["T"], volume.dof), rows["peak_punc"], rtol=5e-7
        )
        np.testing.assert_allclose(random_field.peak_z(rows["T"], volume.dof), rows["Z"], rtol=1e-7)
        assert random_field.critical_height(volume) == pytest.approx(
            rows["critical_t"].iloc[0], rel=1e-8
        )


def test_committed_cluster_fdr(spm_tables):
    whole = spm_tables[spm_tables["extent"] == 0]  # k >= 0 lists the whole family
    for rows, _ in volumes(whole):
        heads = rows.dropna(subset=["clus_k"])
        np.testing.assert_allclose(
            benjamini_hochberg(heads["clus_punc"]), heads["clus_qFDR"], rtol=1e-7
        )


def test_committed_reml(reference):
    covariance = np.loadtxt(reference / "spm_cov_unequal_cy.csv", delimiter=",")
    matrix = np.loadtxt(reference / "spm_cov_unequal_x.csv", delimiter=",")
    group = np.where(matrix[:, 0] == 1, "g1", "g2")
    model = design.Design(
        matrix, ("g1", "g2", "age", "sex"), group, np.array([-1.0, 1, 0, 0]), np.arange(29)
    )
    grains = np.rint(covariance / model.dof * reml.GRAIN**2).astype(np.int64)
    ratio = reml.group_variances(reml.PooledCovariance(grains, 1), model)
    assert ratio["g2"] / ratio["g1"] == pytest.approx(1.19295727324 / 0.671071361089, rel=1e-8)
