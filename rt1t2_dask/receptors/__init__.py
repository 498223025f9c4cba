"""Correlation of regional maps with neurotransmitter PET maps."""
