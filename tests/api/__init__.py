"""The HTTP API, called through the very functions that the host calls."""
