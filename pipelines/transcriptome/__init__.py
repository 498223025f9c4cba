"""Regional maps and gene expression."""
