"""File names, sidecars and tables of BIDS datasets and derivatives."""
