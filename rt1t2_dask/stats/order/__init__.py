"""Groups in an order: linear trend, neighbouring differences together, left-out effects."""
