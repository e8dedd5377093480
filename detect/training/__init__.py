"""How the detector learns: recipes on labelled sets of clips."""
