"""Regional tables: morphometric similarity networks and their contrasts."""
