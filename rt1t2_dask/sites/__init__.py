"""Multi-site studies: shared sums, harmonisation, meta-analysis."""
