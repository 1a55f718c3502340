"""Optical flow: estimated, completed in holes, and followed to what holes hide."""
