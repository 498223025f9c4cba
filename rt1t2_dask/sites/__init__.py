"""Several sites: sums in place of images, harmonisation, meta-analysis."""
