"""How good the talking faces are, ours and others': distances from truth, identity, lips, movement, cost, marks."""
