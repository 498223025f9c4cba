"""Typed settings, parsed from YAML."""
