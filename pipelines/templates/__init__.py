"""What everybody is brought to: the template with its tissues, and a head round its brain."""
