"""What a recording says about lips: a causal speech encoder and its recipe."""
