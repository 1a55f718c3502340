"""Every option of every command, and the tests that drive it."""
