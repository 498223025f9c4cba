"""The quality desk: a page to rate everybody's images, and a page for each person."""
