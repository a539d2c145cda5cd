"""A run's way from its request to its end: which moves are legal, and the steps that make them."""
