"""What a reviewer asks: how often each of these answers errs, and what it finds. SIMULATED DATA.

    python benchmarks/reviewer.py FILE [figure ...] [--studies N]

Runs studies figure by figure as ``benchmarks/validity.py`` does, whose docstring says how it goes
on where it stopped. Figures come from the modules ``reviewers/*.py``: atrophy without a change of
tissue, a change beside it; groups that differ in the transmit field; effects at a bound of
equivalence; groups in an order; single people against controls; simulated genes; sessions of the
same people.
"""

from __future__ import annotations

import sys

from validity import main

MODULES = (
    "reviewers.atrophy",
    "reviewers.transmit",
    "reviewers.absence",
    "reviewers.ordered",
    "reviewers.deviation",
    "reviewers.genes",
    "reviewers.sessions",
)

if __name__ == "__main__":
    sys.exit(main("reviewer", MODULES, __doc__))
