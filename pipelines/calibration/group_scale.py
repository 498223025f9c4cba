"""Gain and scale of the ratio in group stages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rt1t2_dask.pipelines.engine.settings import StageSettings
from rt1t2_dask.ratio.scaled import scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rt1t2_dask.pipelines.images.plan import PersonPlan

RATIO, LOG = "ratio", "log"


class ScaleSettings(StageSettings):
    """How everybody's ratio is read.

    Parameters
    ----------
    factors, partner_factors : tuple of float
        What the raw ratio of each row, and of those subtracted, is multiplied by; empty where
        all stay as they were made.
    scale : str
        "ratio" or "log"; of a contrast of standardised maps, "signed".
    against : float
        On that scale, what the mean of one group is compared with.
    """

    factors: tuple[float, ...] = ()
    partner_factors: tuple[float, ...] = ()
    scale: str = RATIO
    against: float = 0.0


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
    settings: dict[str, Any] = {} if scale == RATIO else {"scale": scale}
    for name, own in (("factors", plans), ("partner_factors", partners)):
        factors = [factor_of(plan) for plan in own]
        if any(factor != 1.0 for factor in factors):
            settings[name] = factors
    return settings


def read_scaled(
    settings: ScaleSettings, row: int, values: NDArray[Any], *, partner: bool = False
) -> NDArray[Any]:
    """Transform one row's values to the scale of the stage.

    Where the mean of one group is compared with a value, that value is subtracted.
    """
    factors = settings.partner_factors if partner else settings.factors
    found = scaled(values, factors[row] if factors else 1.0, settings.scale)
    return found - found.dtype.type(settings.against) if settings.against else found
