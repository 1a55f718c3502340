"""A walking, gesturing lecturer before a board on which writing appears."""
