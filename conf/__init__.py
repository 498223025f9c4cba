"""Hydra configuration groups: what to study and where to run."""
