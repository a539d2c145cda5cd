"""Storage, identity and network of the world on one machine."""
