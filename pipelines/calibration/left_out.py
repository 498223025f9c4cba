"""Notes on people without a known gain, who are excluded from contrasts and receptors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rt1t2_dask.pipelines.images.plan import PersonPlan
from rt1t2_dask.report.numbers import plural

ANOTHER_SEQUENCE = "CSF, muscle and eyes disagree (another sequence?)"
NO_FLUID = "CSF could not be measured"
WHERE = "group/calibration_people.tsv"


def reason_of(plan: PersonPlan) -> str:
    """Return why a person's gain is unknown; empty if it is known."""
    if plan.gain is None or plan.gain.usable:
        return ""
    return ANOTHER_SEQUENCE if plan.gain.flagged else NO_FLUID


def exclusion_notes(what: str, plans: Sequence[PersonPlan], groups: Iterable[str]) -> list[str]:
    """Return a note on how many people of the groups a result excludes, and why.

    Parameters
    ----------
    what : str
        The result, in the singular, such as ``Contrast a``.
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
        f"{what} excludes {plural(counts.total(), 'person', 'people')} with unknown gain ({why}; "
        f"see {WHERE}): their maps stay raw, while the others are corrected. calibration=none "
        f"excludes nobody."
    ]
