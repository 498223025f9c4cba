"""Test-retest reliability of people with several sessions."""
