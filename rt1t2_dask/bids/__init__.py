"""Names of files in BIDS datasets and their derivatives, and what sidecars say."""
