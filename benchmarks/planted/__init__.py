"""What was planted in simulated people against what is found."""
