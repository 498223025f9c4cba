"""Multi-site studies: plans, ComBat, site effects, meta-analysis."""
