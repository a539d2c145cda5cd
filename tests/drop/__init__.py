"""Which blobs are the segment, and whether its drop is whole."""
