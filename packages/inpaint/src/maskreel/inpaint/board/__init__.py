"""What stood on the board of a lecture."""
