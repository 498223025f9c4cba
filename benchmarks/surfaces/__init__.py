"""Simulated ribbons and spheres on which the surface is measured."""
