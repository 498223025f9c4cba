"""The comparison page of a sweep."""
