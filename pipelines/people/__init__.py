"""Who takes part and which files they have, whatever the source."""
