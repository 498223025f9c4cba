"""Participants and their files, for every source."""
