"""How well the detector tells made faces from filmed ones: people, voices, seeds and kinds that it never saw."""
