"""What a run is: which moves it may make, how it is asked for and announced, and what a person decides about it."""
