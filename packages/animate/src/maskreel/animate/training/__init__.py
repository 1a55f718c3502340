"""Training of the six networks: data, losses, and what is watched meanwhile."""
