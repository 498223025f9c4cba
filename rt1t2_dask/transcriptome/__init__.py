"""Cortical maps and gene expression."""
