"""Recipes that train the networks of this floor."""
