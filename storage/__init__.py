"""The data lake: stores, keys, completion and provenance."""
