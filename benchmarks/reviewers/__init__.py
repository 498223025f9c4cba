"""Studies of what reviewers ask: atrophy, absence, order, one patient, sessions, B1+."""
