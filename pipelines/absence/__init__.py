"""What a contrast without findings can exclude: equivalence tests and Bayes factors."""
