"""Permutation tests over blocks of voxels, and their compiled kernels."""
