"""Permutation tests of contrasts."""
