"""Contrasts of groups: maps, clusters, regions, effects."""
