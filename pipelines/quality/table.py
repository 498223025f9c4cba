"""Quality measures of all people, with flags for values beyond the limits."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from rt1t2_dask import assets
from rt1t2_dask.atlas import dseg, neuromorphometrics, on_grid
from rt1t2_dask.config.study import Config
from rt1t2_dask.errors import RunError
from rt1t2_dask.images.nifti import from_bytes
from rt1t2_dask.images.quality.judge import MEASURES, beyond
from rt1t2_dask.images.quality.measures import coverage
from rt1t2_dask.pipelines.calibration.group_scale import factor_of
from rt1t2_dask.pipelines.calibration.left_out import reason_of
from rt1t2_dask.pipelines.engine.volumes import to_volume
from rt1t2_dask.pipelines.images.names import ATLAS
from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.pipelines.images.stages import (
    BRAIN,
    CALIBRATE,
    COREGISTER,
    INGEST,
    MAP,
    PARCELS,
    QUALITY,
    RATIO,
    SMOOTH,
    TISSUE,
)
from rt1t2_dask.stats.parcels import MIN_COVERAGE, Floats, parcel_means
from rt1t2_dask.stats.robust import robust_z
from rt1t2_dask.storage.parts import Lake

log = logging.getLogger("rt1t2_dask")

LEVELS = ("ratio_white", "ratio_grey")
IN_RATIO = (*LEVELS, "ratio_limit")
NUMBERS = {
    INGEST.name: ("lesion_ml",),
    COREGISTER.name: ("mutual_information",),
    BRAIN.name: (
        "brain_ml",
        "head_margin",
        "head_ncc",
        "head_reach",
        "face_seen",
        "lesion_outside_share",
    ),
    CALIBRATE.name: (
        "extrapolated_t1w",
        "extrapolated_t2w",
        "contrast_kept_t1w",
        "contrast_kept_t2w",
    ),
    MAP.name: ("zeros_outside_brain", "zeros_in_brain", "negative_share"),
    RATIO.name: ("ratio_limit", "voxels_beyond_limit"),
    SMOOTH.name: ("voxels_measured",),
    TISSUE.name: ("grey_ml", "white_ml", "csf_ml"),
    QUALITY.name: (
        *("registration_ncc", "registration_mi", "mask_dice", "affine_volume"),
        *("jacobian_min", "jacobian_max", "jacobian_folded", "t1w_white_grey", "t2w_csf_white"),
        *("bias_left_t1w", "bias_left_t2w", "white_cv_t1w", "cjv_t1w", "snr_t1w"),
        *("ratio_white_cv", "ratio_white_grey", "ratio_white", "ratio_grey"),
        *("ratio_left_right", "ratio_centre_edge"),
    ),
}


def quality_table(lake: Lake, config: Config, plans: Sequence[PersonPlan]) -> pd.DataFrame:
    """Return one row per person: the flag, its reasons, and every measure.

    Returns
    -------
    DataFrame
        ``participant_id``; ``flag``: the reasons, joined, or None; ``used`` (yes or no) in the
        group results; then the numbers. ``ratio_white``, ``ratio_grey`` and ``ratio_limit`` include
        the person's gain; ``..._z`` are robust z of the logs of the first two within the person's
        group, NaN for people without gain correction if others have it.
    """
    rows = pd.DataFrame([_row(lake, config, plan) for plan in plans])
    groups = [plan.person.group for plan in plans]
    comparable = [not reason_of(plan) for plan in plans]
    for name in rows.columns.intersection(list(IN_RATIO)):
        rows[name] = pd.to_numeric(rows[name]) * [factor_of(plan) for plan in plans]
    for name in LEVELS:
        if name in rows:
            logs = np.log(rows[name].to_numpy(np.float64))
            rows[f"{name}_z"] = robust_z(np.where(comparable, logs, np.nan), groups)
    return rows


def left_out(
    lake: Lake, config: Config, plans: Sequence[PersonPlan]
) -> tuple[tuple[PersonPlan, ...], tuple[PersonPlan, ...]]:
    """Split people into those used and those excluded for quality.

    Returns
    -------
    tuple of (used, left out)
        None is excluded unless ``quality.action=exclude``.

    Raises
    ------
    RunError
        No person would be left.
    """
    rows = quality_table(lake, config, plans)
    if not len(rows):
        return tuple(plans), ()
    log_flags(config, rows)
    pairs = list(zip(plans, rows["used"], strict=True))
    used, out = (tuple(p for p, text in pairs if text == word) for word in ("yes", "no"))
    if not used:
        raise RunError(
            "quality.action=exclude excludes everybody; check quality.limits, or set "
            "quality.action=flag."
        )
    return used, out


def flags_of(rows: pd.DataFrame) -> dict[str, str]:
    """Return the reasons for each flag by label, from `quality_table`; empty for none."""
    if not len(rows):
        return {}
    return dict(zip(rows["participant_id"], rows["flag"].fillna(""), strict=True))


def log_flags(config: Config, rows: pd.DataFrame) -> None:
    """Log how many people are flagged and why; labels only in the output folder."""
    _log_zeros(config, rows)
    flags = rows["flag"].dropna()
    if not len(flags):
        return
    names = Counter(phrase.split()[0] for flag in flags for phrase in flag.split("; "))
    counted = ", ".join(f"{name} {n}" for name, n in names.most_common() if name in MEASURES)
    fate = "left out of the group results" if config.quality.action == "exclude" else "used"
    log.warning(
        "%d of %d people are beyond a quality limit (%s) and %s: see %s/group/quality.tsv",
        len(flags),
        len(rows),
        counted or "calibration",
        fate if config.level == "study" else "kept",
        config.output_dir,
    )


def _log_zeros(config: Config, rows: pd.DataFrame) -> None:
    """Log the ready-made maps with zeros treated as missing, and those with zeros in the brain."""
    if "zeros_in_brain" not in rows:
        return
    inside, outside = rows["zeros_in_brain"], rows["zeros_outside_brain"]
    if not (inside + outside).any():
        return
    log.info(
        "zeros are treated as missing (source.zero_is_missing=%s) in %d of %d maps; inside the "
        "template's brain in %d, at most %d voxels: see %s/group/quality.tsv",
        str(getattr(config.source, "zero_is_missing", "auto")).lower(),
        int((inside + outside > 0).sum()),
        len(rows),
        int((inside > 0).sum()),
        int(inside.max()),
        config.output_dir,
    )


def _row(lake: Lake, config: Config, plan: PersonPlan) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    for stage, names in NUMBERS.items():
        if stage in plan.tasks:
            record = lake.record(plan.part(stage))
            numbers |= {name: record.get(name) for name in names}
    numbers |= _covered(lake, plan)
    reasons = beyond(numbers, config.quality.pairs())
    doubt = lake.record(plan.part(CALIBRATE)).get("flag") if CALIBRATE.name in plan.tasks else None
    if doubt and not any(reason.startswith("contrast_kept") for reason in reasons):
        reasons.append(str(doubt))
    used = "yes" if not reasons or config.quality.action == "flag" else "no"
    if reason := reason_of(plan):
        reasons, used = [*reasons, f"{reason}, gain unknown"], "no"
    flag = "; ".join(reasons) or None
    return {"participant_id": plan.person.label, "flag": flag, "used": used, **numbers}


def _covered(lake: Lake, plan: PersonPlan) -> dict[str, Any]:
    part = lake.read(plan.part(PARCELS)).load()
    names = dseg().set_index("index")["name"]
    regions = {int(k): str(names[int(k)]) for k in part["region"].to_numpy()}
    shares = part["coverage"].to_numpy()
    lesion = 0.0 if np.nanmin(shares) >= MIN_COVERAGE else _lesioned(lake, plan)
    return coverage(shares, regions, lesion)


def _lesioned(lake: Lake, plan: PersonPlan) -> Floats | float:
    """Return the share of each region inside the person's lesion mask."""
    if RATIO.name not in plan.tasks:
        return 0.0
    part = lake.read(plan.part(RATIO))
    if "lesion_template" not in part:
        return 0.0
    lesion = to_volume(part["lesion_template"])
    atlas = neuromorphometrics(from_bytes(assets.read(assets.resolve(ATLAS)), ATLAS))
    return parcel_means(lesion.data, on_grid(atlas, lesion.grid), atlas.grey)
