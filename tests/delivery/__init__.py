"""Delivery: the client, what its answers mean, and what becomes of every contact of a batch."""
