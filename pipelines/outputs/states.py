"""Names that an output folder is known by."""

from __future__ import annotations

PROVENANCE = "provenance.json"
PEOPLE = "participants.tsv"
METHODS, REFERENCES = "methods.md", "references.bib"
REPORT, DESK = "report.html", "quality.html"
DEVIATION_PAGE = "_deviation.html"
"""What the page of a patient against the controls ends with."""
PARTICIPANTS, INCOMPLETE, COMPLETE = "participants", "incomplete", "complete"
