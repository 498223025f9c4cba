"""Cortical surfaces of simulated heads."""
