"""Group contrasts: maps, clusters, regions, effects."""
