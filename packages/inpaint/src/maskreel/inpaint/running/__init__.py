"""A job from source to result, stage by stage."""
