"""The door: the command line. Nothing imports this package."""
