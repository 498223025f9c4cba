"""Regional maps against gene expression."""
