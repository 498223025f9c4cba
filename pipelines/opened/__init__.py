"""A finished study, opened in Python: maps, regions, contrasts and tables."""
