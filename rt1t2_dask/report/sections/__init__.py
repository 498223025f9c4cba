"""Sections and tables of the report."""
