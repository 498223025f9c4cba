"""Sums shared by sites instead of images, and their combination."""
