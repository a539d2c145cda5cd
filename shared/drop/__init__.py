"""Which blobs of the container are a segment, and whether its newest drop is whole."""
