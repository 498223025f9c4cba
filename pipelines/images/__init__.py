"""Stages of one person, from scans to regional means."""
