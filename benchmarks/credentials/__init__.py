"""`vasari bench credentials`: the C2PA rubric, a second validator, tampering, recovery, and being killed half-way."""
