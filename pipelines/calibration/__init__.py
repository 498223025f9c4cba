"""Protocols, gains and the scale of ratio maps."""
