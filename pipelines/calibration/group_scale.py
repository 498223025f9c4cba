"""How group stages read everybody's ratio: which gain, which scale."""

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
    told: dict[str, Any] = {} if scale == RATIO else {"scale": scale}
    for name, own in (("factors", plans), ("partner_factors", partners)):
        factors = [factor_of(plan) for plan in own]
        if any(factor != 1.0 for factor in factors):
            told[name] = factors
    return told


def read_scaled(
    settings: ScaleSettings, row: int, values: NDArray[Any], *, partner: bool = False
) -> NDArray[Any]:
    """Bring one row's values to the scale that the stage was told.

    Where the mean of one group is compared with a value, that value is subtracted.
    """
    factors = settings.partner_factors if partner else settings.factors
    found = scaled(values, factors[row] if factors else 1.0, settings.scale)
    return found - found.dtype.type(settings.against) if settings.against else found
