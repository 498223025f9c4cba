"""Numbers and costs beside other programs."""
