"""Correction of the ratio for the transmit field (B1+) of each person."""
