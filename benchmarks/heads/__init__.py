"""Heads painted on real label maps, and what the image half makes of them."""
