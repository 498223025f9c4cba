"""People's files before they are read: checksums from the workers, or predicted."""
