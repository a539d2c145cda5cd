"""The behaviours of Segment Courier, in plain words."""
