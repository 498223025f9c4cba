"""The general linear model at every voxel: fits, variances, effect sizes, power."""
