"""Sessions of people as rows of a study."""
