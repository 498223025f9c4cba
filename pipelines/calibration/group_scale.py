"""How group stages read everybody's ratio: which gain, which scale."""

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
    """Return what one person's raw ratio is multiplied by."""
    return 1.0 if plan.gain is None else plan.gain.factor


def study_scale(plans: Iterable[PersonPlan]) -> str:
    """Return the scale of all contrasts: log ratio where gains of several protocols differ."""
    protocols = {plan.gain.protocol for plan in plans if plan.gain is not None}
    return LOG if len(protocols) > 1 else RATIO


def scale_settings(
    plans: Sequence[PersonPlan], scale: str, partners: Sequence[PersonPlan] = ()
) -> dict[str, Any]:
    """Return what a stage that reads these rows is told; nothing where all is as it was made.

    Parameters
    ----------
    plans, partners : sequence of PersonPlan
        Of the rows, and of those whose maps are subtracted from them.
    scale : str
        As `study_scale` returns.
    """
    told: dict[str, Any] = {} if scale == RATIO else {SCALE: scale}
    for name, own in ((FACTORS, plans), (PARTNER_FACTORS, partners)):
        factors = [factor_of(plan) for plan in own]
        if any(factor != 1.0 for factor in factors):
            told[name] = factors
    return told


def read_scaled(
    settings: Mapping[str, Any], row: int, values: NDArray[Any], name: str = FACTORS
) -> NDArray[Any]:
    """Bring one row's values to the scale that the stage was told.

    Where the mean of one group is compared with a value (``against``, on that scale), that value
    is subtracted.
    """
    factors = settings.get(name)
    found = scaled(values, factors[row] if factors else 1.0, settings.get(SCALE, RATIO))
    return found - found.dtype.type(settings[AGAINST]) if AGAINST in settings else found
