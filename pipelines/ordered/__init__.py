"""Groups in an order: does every neighbouring pair differ, and by how much in each group."""
