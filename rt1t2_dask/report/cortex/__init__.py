"""The cortex as a surface, on the page."""
