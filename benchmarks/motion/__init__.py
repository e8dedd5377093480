"""How well faces move: lips, liveliness, control, guidance, and live."""
