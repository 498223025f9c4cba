"""Calibrated T1w/T2w ratio maps, group contrasts and receptor correlations."""

__version__ = "0.1.0"
