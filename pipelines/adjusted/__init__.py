"""Contrasts again with more held: each voxel's share of tissue, age and sex."""
