"""Regions of the cortex: means, contrasts of them, receptors on them."""
