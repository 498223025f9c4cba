"""Contrasts again with each voxel's own share of tissue held: what of them is atrophy."""
