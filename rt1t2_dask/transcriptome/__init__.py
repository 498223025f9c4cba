"""Maps of cortical regions against gene expression."""
