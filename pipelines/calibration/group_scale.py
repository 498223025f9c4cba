"""Gain and scale of the ratio in group stages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rt1t2_dask.ratio.scaled import scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rt1t2_dask.pipelines.images.plan import PersonPlan

FACTORS, PARTNER_FACTORS, SCALE = "factors", "partner_factors", "scale"
AGAINST = "against"
RATIO, LOG = "ratio", "log"


def factor_of(plan: PersonPlan) -> float:
    """Return the gain correction factor of one person's ratio."""
    return 1.0 if plan.gain is None else plan.gain.factor


def study_scale(plans: Iterable[PersonPlan]) -> str:
    """Return the scale of all contrasts: log ratio where gains of several protocols differ."""
    protocols = {plan.gain.protocol for plan in plans if plan.gain is not None}
    return LOG if len(protocols) > 1 else RATIO


def scale_settings(
    plans: Sequence[PersonPlan], scale: str, partners: Sequence[PersonPlan] = ()
) -> dict[str, Any]:
    """Return the scale settings of a stage that reads these rows; empty for unscaled maps.

    Parameters
    ----------
    plans, partners : sequence of PersonPlan
        Plans of the rows, and of their partners.
    scale : str
        As `study_scale` returns.
    """
    settings: dict[str, Any] = {} if scale == RATIO else {SCALE: scale}
    for name, own in ((FACTORS, plans), (PARTNER_FACTORS, partners)):
        factors = [factor_of(plan) for plan in own]
        if any(factor != 1.0 for factor in factors):
            settings[name] = factors
    return settings


def read_scaled(
    settings: Mapping[str, Any], row: int, values: NDArray[Any], name: str = FACTORS
) -> NDArray[Any]:
    """Transform one row's values to the scale of the stage.

    The reference value of a one-sample test (``against``, on that scale) is subtracted.
    """
    factors = settings.get(name)
    found = scaled(values, factors[row] if factors else 1.0, settings.get(SCALE, RATIO))
    return found - found.dtype.type(settings[AGAINST]) if AGAINST in settings else found
