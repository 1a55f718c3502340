"""Painting what no frame shows, and putting it in place."""
