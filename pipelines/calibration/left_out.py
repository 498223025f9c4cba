"""Who is left out of contrasts and receptors because their gain is not known, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.report.numbers import plural

ANOTHER_SEQUENCE = "fluid, muscle and eyes disagree (another sequence?)"
NO_FLUID = "fluid could not be read"
WHERE = "group/calibration_people.tsv"


def reason_of(plan: PersonPlan) -> str:
    """Return why a person's gain cannot be held constant; empty where it can."""
    if plan.gain is None or plan.gain.usable:
        return ""
    return ANOTHER_SEQUENCE if plan.gain.flagged else NO_FLUID


def said_of(what: str, plans: Sequence[PersonPlan], groups: Iterable[str]) -> list[str]:
    """Return one note on how many people of the groups a result leaves out, and why.

    Parameters
    ----------
    what : str
        What leaves them out, in the singular, such as ``Contrast a``.
    plans : sequence of PersonPlan
        Everybody at hand.
    groups : iterable of str
        Whose people would take part.
    """
    among = set(groups)
    reasons = [reason_of(plan) for plan in plans if plan.person.group in among]
    counts = Counter(reason for reason in reasons if reason)
    if not counts:
        return []
    why = "; ".join(f"{reason}: {counts[reason]}" for reason in sorted(counts))
    return [
        f"{what} leaves out {plural(counts.total(), 'person', 'people')} whose gain is not known "
        f"({why}; see {WHERE}): these maps stay raw, while gain is taken out of the others. "
        "calibration=none leaves nobody out."
    ]
