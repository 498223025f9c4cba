"""The stages of a person, from scans to regional means."""
