"""What `vasari train` runs: one recipe a network, and the parts of the larger ones."""
