"""Fake inputs for the report: random maps and invented people, never data of anybody."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

from rt1t2_dask.images.volume import Array, Volume
from rt1t2_dask.report.content import AssetUse, ContrastResult, Place, ReportContent, Threshold
from rt1t2_dask.report.flow import FlowStep

AFFINE_4MM = np.array(
    [[4.0, 0, 0, -90], [0, 4.0, 0, -126], [0, 0, 4.0, -72], [0, 0, 0, 1]], dtype=np.float64
)
SHAPE_4MM = (46, 55, 46)
TEMPLATE_AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
TEMPLATE_AFFINE[:3, 3] = (-84, -117, -69)
BUMPS = (
    (-10.0, -20.0, 14.0, -7.0, 12.0),
    (3.0, -80.0, 5.0, -6.0, 9.0),
    (-26.0, 0.0, 56.0, 6.0, 9.0),
)
RECEPTORS = (
    "5HT1a",
    "5HT1b",
    "5HT2a",
    "5HT4",
    "CB1",
    "D1",
    "D2",
    "DAT",
    "FDOPA",
    "GABAa",
    "KappaOp",
    "MU",
    "NAT",
    "NMDA",
    "SERT",
    "VAChT",
    "mGluR5",
)


def fake_template() -> Volume:
    """An ellipsoid with brighter core, on a 3 mm grid."""
    volume = Volume(np.zeros((57, 69, 60), dtype=np.float32), TEMPLATE_AFFINE)
    radius = _radius(volume)
    ripple = 0.1 * np.sin(volume.grid.world().sum(-1) / 6)
    return volume.with_data(np.where(radius < 1, 1.2 - 0.6 * radius + ripple, 0).astype(np.float32))


def fake_t_map(bumps: tuple[tuple[float, ...], ...] = BUMPS, seed: int = 0) -> Volume:
    """Smooth noise with Gaussian bumps (x, y, z in mm, height, sd in mm), 4 mm grid."""
    volume = Volume(np.zeros(SHAPE_4MM), AFFINE_4MM)
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=SHAPE_4MM), 2)
    t = 0.6 * noise / noise.std()
    world = volume.grid.world()
    for *centre, height, sd in bumps:
        t = t + height * np.exp(-((world - np.array(centre)) ** 2).sum(-1) / (2 * sd**2))
    return volume.with_data(np.where(_radius(volume) < 0.95, t, np.nan).astype(np.float32))


def _radius(volume: Volume) -> Array:
    scaled = (volume.grid.world() - np.array([0, -18, 8])) / np.array([68, 86, 66])
    return np.asarray(np.sqrt((scaled**2).sum(-1)))


def fake_clusters(t_map: Volume, u: float = 3.42, extent_mm3: float = 750) -> pd.DataFrame:
    """A cluster table cut from the map itself, columns of the contract."""
    rows: list[dict[str, Any]] = []
    for sign, name in ((1, "positive"), (-1, "negative")):
        signed = np.nan_to_num(sign * t_map.data)
        labels, count = ndimage.label(signed > u, structure=ndimage.generate_binary_structure(3, 2))
        for label in range(1, count + 1):
            if (labels == label).sum() * 64 >= extent_mm3:
                rows.append(_row(t_map, np.where(labels == label, signed, 0), name))
    rows.sort(key=lambda row: -row["volume_mm3"])
    return pd.DataFrame([{"cluster": k, **row} for k, row in enumerate(rows, 1)], columns=COLUMNS)


COLUMNS = [
    *("cluster", "sign", "voxels", "volume_mm3", "peak_t", "peak_zscore"),
    *(f"{place}_{axis}_mm" for place in ("peak", "centre") for axis in "xyz"),
    *("extent_p_uncorrected", "extent_p_fwe_rft", "extent_q_fdr", "extent_p_fwe_permutation"),
    *("peak_p_uncorrected", "peak_p_fwe_rft", "peak_q_fdr", "peak_p_fwe_permutation"),
    *("region", "regions", "lesion_overlap"),
]


def _row(t_map: Volume, inside: Array, sign: str) -> dict[str, Any]:
    peak = np.unravel_index(int(inside.argmax()), inside.shape)
    x, y, z = (t_map.affine @ [*peak, 1])[:3]
    voxels = int((inside > 0).sum())
    height = float(inside.max())
    return {
        "sign": sign,
        "voxels": voxels,
        "volume_mm3": 64.0 * voxels,
        "peak_t": height if sign == "positive" else -height,
        "peak_zscore": 0.8 * height,
        "peak_x_mm": x,
        "peak_y_mm": y,
        "peak_z_mm": z,
        "centre_x_mm": x + 1,
        "centre_y_mm": y - 1,
        "centre_z_mm": z,
        "extent_p_uncorrected": 0.0004,
        "extent_p_fwe_rft": np.nan,
        "extent_q_fdr": np.nan,
        "extent_p_fwe_permutation": np.nan,
        "peak_p_uncorrected": 0.0001,
        "peak_p_fwe_rft": np.nan,
        "peak_q_fdr": np.nan,
        "peak_p_fwe_permutation": 0.0496,
        "region": f"Left Fake Region {voxels}",
        "regions": "Left Fake Region 80 %; Right Fake Region 20 %",
        "lesion_overlap": 0.125,
    }


def fake_participants(groups: dict[str, int], seed: int = 1) -> pd.DataFrame:
    """Invented people; one age is missing."""
    rng = np.random.default_rng(seed)
    labels = [name for name, n in groups.items() for _ in range(n)]
    ages = rng.normal(60, 11, len(labels)).round(1)
    ages[0] = np.nan
    return pd.DataFrame(
        {
            "participant_id": [f"sub-{k:03d}" for k in range(1, len(labels) + 1)],
            "group": labels,
            "age": ages,
            "sex": rng.choice(["m", "f"], len(labels)),
        }
    )


def fake_demographics(groups: dict[str, int]) -> pd.DataFrame:
    """One row a group with invented figures; controls have no test against themselves."""
    rows = [
        {
            "group": name,
            "n": n,
            "age_mean": 60.25 + k,
            "age_sd": 11.5,
            "n_male": n // 2,
            "n_female": n - n // 2,
            "age_test": "n/a" if name == "HC" else "t-test",
            "age_p": np.nan if name == "HC" else 0.445,
            "sex_test": "Fisher exact",
            "sex_p": 0.743,
        }
        for k, (name, n) in enumerate(groups.items())
    ]
    return pd.DataFrame(rows)


def fake_receptors(patients: list[str], seed: int = 2) -> pd.DataFrame:
    """Random correlations with a p below .001, one just below .05 and n/a spatial p."""
    rng = np.random.default_rng(seed)
    tables = []
    for group in patients:
        mean = rng.normal(0, 0.15, len(RECEPTORS))
        p = rng.uniform(0.06, 1, len(RECEPTORS))
        p[:3] = (0.0001, 0.0496, 0.012)
        q = np.minimum(1, p * 4)
        tables.append(
            pd.DataFrame(
                {
                    "group": group,
                    "receptor": RECEPTORS,
                    "map": [f"{name}_fake" for name in RECEPTORS],
                    "mean_fisher_z": mean,
                    "mean_rho": np.tanh(mean),
                    "p_permutation": p,
                    "q_fdr": q,
                    "p_spatial": np.nan,
                    "ci_low": mean - 0.1,
                    "ci_high": mean + 0.12,
                    "n_regions": 119,
                    "n_permutations": 10_000,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def fake_fisher_z(receptors: pd.DataFrame, n: int = 8, seed: int = 3) -> pd.DataFrame:
    """Random patients scattered round each mean."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "group": row.group,
            "participant_id": f"sub-{k:03d}",
            "map": row.map,
            "fisher_z": row.mean_fisher_z + rng.normal(0, 0.15),
        }
        for row in receptors.itertuples()
        for k in range(1, n + 1)
    ]
    return pd.DataFrame(rows)


def fake_settings(kind: str) -> dict[str, Any]:
    """Settings shaped as the resolved configuration."""
    return {
        "source": {"kind": kind, "root": None},
        "template": {"voxel_mm": 2},
        "calibration": {"kind": "mrtool_style"},
        "normalise": {"kind": "lncc", "voxel_mm": 2},
        "smooth": {"fwhm_mm": 10, "edge": "normalised"},
        "contrast": {"p": 0.001, "extent_mm3": 750, "variance": "equal", "mask": None},
        "permute": {
            "n": 1000,
            "method": "freedman_lane",
            "statistic": ["max_t"],
            "forming_p": 0.001,
            "seed": 0,
        },
        "receptors": {
            "n_permutations": 10_000,
            "seed": 0,
            "maps": "largest_sample",
            "missing": "per_patient",
            "gm_prior": None,
        },
        "cohort": {"covariates": ["age"], "exclude": []},
    }


PERMUTATION = {
    "n": 1000,
    "seed": 0,
    "method": "freedman_lane",
    "observed_maximum": {"max_t": 7.31},
    "critical_05": {"max_t": 6.82},
    "p": {"max_t": 0.012},
}

ASSETS = (
    AssetUse("fake atlas", "CC BY-NC 4.0", "Invented A. et al. 1999", "ab" * 32),
    AssetUse("fake template", "no licence needed", "Invented B. 2001", "cd" * 32),
)

CLUSTER_KEYS = ("contrast.p", "contrast.extent_mm3")
STAGES = (
    *("ingest", "coregister", "bias", "brain", "normalise", "calibrate", "ratio", "smooth"),
    *("stack", "parcels", "contrast", "permute", "receptors", "demographics", "report"),
)


FLOW = (
    FlowStep("template", (), 0, "brain template", ("template",)),
    FlowStep("ingest", (), 29, "read and check the images", ("source",)),
    FlowStep("normalise", ("ingest", "template"), 29, "to template space", ("normalise",)),
    FlowStep("ratio", ("ingest", "normalise", "template"), 29, "T1w/T2w ratio"),
    FlowStep("smooth", ("ratio",), 29, "smooth", ("smooth",)),
    FlowStep("contrast", ("smooth", "template"), 0, "compare voxel by voxel", ("contrast",)),
    FlowStep("clusters", ("contrast", "ratio"), 0, "clusters", CLUSTER_KEYS),
    FlowStep("permute", ("contrast",), 0, "permutations", ("permute",)),
)


def fake_contrast(
    t_map: Volume, first: str = "PSP", second: str = "HC", clusters: pd.DataFrame | None = None
) -> ContrastResult:
    """One contrast round a fake map."""
    return ContrastResult(
        name=f"{first.lower()}Vs{second.title()}",
        first=first,
        second=second,
        t_map=t_map,
        clusters=fake_clusters(t_map) if clusters is None else clusters,
        threshold=Threshold(0.001, 3.42, 750, 27),
        permutation=PERMUTATION,
        maps={"effect": t_map.with_data(0.05 * t_map.data), "d": t_map.with_data(t_map.data / 3)},
    )


def fake_content(simulated: bool = True) -> ReportContent:
    """A whole report: one contrast, receptors, lesions, a failure and an exclusion."""
    groups = {"PSP": 11, "HC": 18}
    participants = fake_participants(groups)
    receptors = fake_receptors(["PSP"])
    t_map = fake_t_map()
    lesions = np.zeros(SHAPE_4MM, dtype=np.int16)
    lesions[25:29, 25:29, 20:24] = 1
    lesions[26:28, 26:28, 21:23] = 3
    return ReportContent(
        cohort="psp",
        settings=fake_settings("simulated" if simulated else "bids"),
        method="recommended",
        groups=groups,
        reference="HC",
        simulated=simulated,
        seed=7 if simulated else None,
        stages=STAGES,
        participants=participants,
        demographics=fake_demographics(groups),
        contrasts=(fake_contrast(t_map),),
        template=fake_template(),
        receptors=receptors,
        fisher_z=fake_fisher_z(receptors),
        quality=pd.DataFrame(
            {
                "participant_id": participants["participant_id"],
                "flag": [*[None] * (len(participants) - 1), "brain_ml 612 is under 900"],
                "used": "yes",
                "brain_ml": [*np.linspace(1200, 1700, len(participants) - 1), 612.0],
                "registration_ncc": np.linspace(0.8, 0.9, len(participants)),
            }
        ),
        quality_limits={"brain_ml": (900.0, 2500.0), "registration_ncc": (0.65, None)},
        coverage=t_map.with_data(np.isfinite(t_map.data).astype(np.float32)),
        mean_ratio=t_map.with_data(1.5 + 0.01 * t_map.data),
        failures=pd.DataFrame(
            [{"participant_id": "sub-077", "stage": "ingest", "reason": "T1w has 2 volumes"}]
        ),
        excluded=pd.DataFrame([{"participant_id": "sub-099", "reason": "cohort.exclude"}]),
        lesion_count=Volume(lesions, AFFINE_4MM),
        places=(Place("thalamus", (-10, -20, 14)),),
        assets=ASSETS,
        notes=("The spatial null was not run.",),
        flow=FLOW,
        changed={"permute.n": (1000, 2000)},
        provenance={
            "seeds": {"permute": 3, "simulated": None},
            "environment": {"python": "3.12.1", "packages": {"numpy": "2.1.0"}},
            "inputs": {"sub-001_T1w": "ef" * 32},
        },
    )
