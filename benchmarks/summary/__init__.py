"""Figures of all programs in one table and one picture."""
