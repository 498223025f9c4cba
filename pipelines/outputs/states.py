"""Names that an output folder is known by."""

from __future__ import annotations

PROVENANCE = "provenance.json"
PEOPLE = "participants.tsv"
REPORT = "report.html"
PARTICIPANTS, INCOMPLETE, COMPLETE = "participants", "incomplete", "complete"
