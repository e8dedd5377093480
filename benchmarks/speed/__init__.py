"""Speed and cost of a frame, beside those of other talking faces."""
