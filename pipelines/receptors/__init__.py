"""Correlations with receptor maps."""
