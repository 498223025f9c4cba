"""Numbers of everybody's images that may be covariates, by the name of their quality column."""

from __future__ import annotations

VOLUMES = ("brain_ml", "grey_ml", "white_ml", "csf_ml", "lesion_ml", "grey_share")
"""Volumes in ml, and grey matter over all tissue and CSF; no lesion mask counts as 0 ml."""
IMAGE_NUMBERS = (
    *VOLUMES,
    *("mutual_information", "registration_ncc", "registration_mi", "mask_dice", "affine_volume"),
    *("jacobian_min", "jacobian_max", "t1w_white_grey", "t2w_csf_white", "bias_left_t1w"),
    *("bias_left_t2w", "white_cv_t1w", "cjv_t1w", "snr_t1w", "ratio_white_cv", "ratio_white_grey"),
    *("ratio_left_right", "ratio_centre_edge"),
)
"""What a covariate may name where the participants table has no such column."""
LEVELS = ("ratio_white", "ratio_grey")
"""The level of the ratio itself, which contrasts test, and which is no covariate of them."""
