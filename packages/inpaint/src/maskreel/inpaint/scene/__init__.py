"""What a video tells of its scene: shots, camera, background, and what each place looks like at other moments."""
