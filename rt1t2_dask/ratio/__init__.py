"""The calibrated T1w/T2w ratio."""
