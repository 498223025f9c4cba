"""Stages, parts, progress and runs: knows nothing of brains."""
