"""Where the work runs: executors, batch systems and what workers are started with."""
