"""How planning behaves."""
