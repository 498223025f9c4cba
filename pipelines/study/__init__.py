"""The study: plan, make, write; check, dry run, sweep."""
