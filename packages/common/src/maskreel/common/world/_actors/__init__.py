"""People who walk, wave, turn and dance over painted places; identity, pose and background are independent."""
