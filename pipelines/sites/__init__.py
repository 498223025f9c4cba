"""Several sites: plans, ComBat, site effects, meta-analysis."""
