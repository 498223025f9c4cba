"""Maps of many people by blocks of voxels and by runs of people."""
