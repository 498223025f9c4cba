"""What can be known of a scan before and after processing, and limits on it."""
