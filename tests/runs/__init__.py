"""A run's way from its request to its end, in virtual time."""
