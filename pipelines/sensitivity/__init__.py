"""Contrasts under other calibrations and edges."""
