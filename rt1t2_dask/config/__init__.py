"""Typed settings: the only door from YAML to the code."""
