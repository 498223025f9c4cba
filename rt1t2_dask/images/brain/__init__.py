"""Brain masks, lesions and tissue classes."""
