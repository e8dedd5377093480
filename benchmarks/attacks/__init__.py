"""`vasari bench attacks`: what verification says of outputs after what may be done to them, as a table."""
