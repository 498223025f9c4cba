"""The report of a study of regional tables."""
