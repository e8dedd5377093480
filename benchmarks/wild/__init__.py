"""Does what the detector promises hold on material that nobody here made? Filmed people and other people's fakes."""
