"""The local Functions host, against real storage."""
