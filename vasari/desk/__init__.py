"""The desk: pages in a browser for a maker on one machine."""
