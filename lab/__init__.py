"""Where networks are made: their definitions in torch, and how they become the files that the product runs."""
