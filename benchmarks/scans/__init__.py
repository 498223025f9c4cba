"""Real scans through the whole program."""
