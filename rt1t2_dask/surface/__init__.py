"""The cortex as a surface: meshes, their files, sampling, common meshes, smoothing."""
