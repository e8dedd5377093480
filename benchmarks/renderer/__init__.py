"""The renderer: real smiles, exact truth, what leaks from one part of the latent into another, videos."""
