"""The typed quality limits, and the action for people beyond them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

Pair = tuple[float | None, float | None]


def _ordered(pair: Pair) -> Pair:
    low, high = pair
    if low is not None and high is not None and low > high:
        raise ValueError(f"quality.limits: {low:g} is above {high:g}; write [low, high]")
    return pair


Limit = Annotated[Pair, AfterValidator(_ordered)]


class Limits(BaseModel):
    """Limits of each measure, [low, high]; null for no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    brain_ml: Limit
    head_margin: Limit
    head_ncc: Limit
    head_reach: Limit
    face_seen: Limit
    mask_dice: Limit
    registration_ncc: Limit
    registration_mi: Limit
    affine_volume: Limit
    jacobian_min: Limit
    jacobian_max: Limit
    jacobian_folded: Limit
    mutual_information: Limit
    t1w_white_grey: Limit
    t2w_csf_white: Limit
    bias_left_t1w: Limit
    bias_left_t2w: Limit
    white_cv_t1w: Limit
    cjv_t1w: Limit
    snr_t1w: Limit
    extrapolated_t1w: Limit
    extrapolated_t2w: Limit
    contrast_kept_t1w: Limit
    contrast_kept_t2w: Limit
    ratio_white_grey: Limit
    ratio_white_cv: Limit
    regions_under_half: Limit
    lesion_ml: Limit
    lesion_outside_share: Limit


class Quality(BaseModel):
    """The action for people beyond a limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Literal["flag", "exclude"]
    limits: Limits

    def pairs(self) -> dict[str, Pair]:
        """Return the limits by name."""
        return {name: getattr(self.limits, name) for name in Limits.model_fields}
