"""Parts, chunks, memory and overhead of runs."""
