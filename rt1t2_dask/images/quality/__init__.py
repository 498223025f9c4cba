"""Quality measures of a scan before and after processing, and their limits."""
