"""What each figure must keep: the lowest and the highest value allowed, by program.

Bars that depend on how many studies were run stand beside their figures (``validity``).
"""

from __future__ import annotations

Bar = tuple[float | None, float | None]


def most(value: float) -> Bar:
    """Return the bar of a figure that may not lie above a value."""
    return None, value


def least(value: float) -> Bar:
    """Return the bar of a figure that may not lie below a value."""
    return value, None


BARS: dict[str, dict[str, Bar]] = {
    "cohort": {
        "open_29_s": most(0.2),
        "open_50000_s": most(5),
        "block_ratio": least(3),
        "contrast_two_worker_ratio": least(1.7),
        "contrast_50000_minutes_100": most(10),
        "block_utilisation_1000": least(0.8),
        "max_difference": most(0),
    },
    "engine": {
        "tasks_per_s": least(400),
        "driver_ms_per_task": most(0.5),
        "first_person_share": most(0.15),
        "utilisation_1000": least(0.6),
    },
    "false_positives": {
        # .05 and three standard errors of 500 cohorts
        f"fwe_{name}": most(0.0792)
        for name in ("max_t", "extent", "mass", "tfce")
    },
    "group": {
        "parcels_ratio": least(30),
        "parcels_difference": most(1e-6),
        "smoothing_ratio": least(2.5),
        "smoothing_difference": most(1e-6),
    },
    "images": {
        "rigid_iso_mm": most(0.3),
        "rigid_5mm_mm": most(0.6),
        "poses_found": least(30),
        "brain_dice_mean": least(0.95),
        "brain_dice_min": least(0.93),
        "cpu_ratio_synquick": most(1.5),
        "rim_mm": most(1.2),
        "same_bits": least(1),
        "wm_cv_calibrated": most(0.01),
        "contrast_error": most(0.15),
        "effect_error": most(1.5),
        "cpu_s_subject": most(110),
        "peak_gb": most(2),
    },
    "lake": {
        "overhead_share": most(0.1),
        "two_process_ratio": least(1.7),
        "plan_50000_s": most(60),
        "plan_50000_gb": most(2),
    },
    "permutation": {
        "freedman_lane_ratio": least(20),
        "smith_ratio": least(55),
        "peak_share": least(0.45),
        "max_abs_t_difference": most(1e-5),
        "cluster_ratio": least(20),
    },
    "poses_trials": {"false_refusals": most(0.01), "false_acceptances": most(0.01)},
    "real_scans": {
        "sessions_ok": least(6),
        "wrong_flags": most(0),
        "spread_ratio": most(1.05),
        "planted_error": most(1.5),
        "rescaled_share": most(0.33),
        "false_refusals": most(0.01),
        "false_acceptances": most(0.01),
        "fpr_lambda": most(0.07),
    },
    "real_scans_borders": {
        "border_median": most(1.5),
        "border_r": least(0.99),
        "border_native_median": most(1.5),
        "border_native_r": least(0.99),
        "border_lost": most(0),
    },
    "receptors": {"loop_ratio": least(300), "cpu_s_10000": most(2)},
    "sites": {
        "pooled_t_difference_f32": most(1e-4),
        "pooled_t_difference_f64": most(1e-9),
        "combat_difference": most(1e-6),
        "combat_cpu_ratio": most(1),
        "combat_memory_ratio": most(0.1),
    },
    "surface_statistics": {
        "tfce_difference": most(1e-5),
        # .05 and two standard errors of 500 cohorts
        **{f"fwe_{name}": most(0.07) for name in ("max_t", "extent", "mass", "tfce")},
        "cpu_ratio": least(20),
        "t_difference": most(1e-4),
        "max_t_difference": most(1e-5),
    },
    "tfce": {
        "full_ratio_6": least(1.5),
        "max_ratio_6": least(2),
        "full_ratio_26": least(1.2),
        "max_ratio_26": least(1.5),
        "nilearn_ratio": least(80),
        "max_relative_difference": most(1e-6),
    },
    "surface": {
        "sampling_error": most(0.02),
        "resample_error": most(0.01),
        "fwhm_error": most(0.03),
    },
    "transcriptome": {
        "pls_difference": most(1e-5),
        "gene_z_correlation": least(0.86),
        "es_difference": most(1e-9),
        "ms_difference": most(1e-6),
        "times_less_cpu": least(20),
        "peak_gb": most(1),
    },
}
