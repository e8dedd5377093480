"""The renderer: real smiles, exact truth, what leaks from one part of the latent into another, videos."""

from benchmarks.renderer.suite import Setting, run

__all__ = ["Setting", "run"]
