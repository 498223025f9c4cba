"""The cortex as a surface: sampling, contrasts on vertices."""
