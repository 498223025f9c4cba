"""Morphometric similarity: regional features of the cortex, compared between regions."""
