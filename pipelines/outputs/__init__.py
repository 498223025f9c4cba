"""The output folder, the report and provenance."""
