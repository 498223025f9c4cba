"""Sums that sites share in place of images, and their combination."""
