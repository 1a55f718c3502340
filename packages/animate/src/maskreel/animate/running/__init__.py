"""One run: what goes in and comes out, what is known before, the work in segments, and what is told about it."""
