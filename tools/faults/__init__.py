"""Sessions of faults: every part is killed, starved of disk, locked out, doubled, and must end with the same bytes."""
