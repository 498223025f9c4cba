"""Means over the regions of the atlas."""
