"""What marks people and things to remove."""
