"""Simulated heads and cohorts with known truth."""
