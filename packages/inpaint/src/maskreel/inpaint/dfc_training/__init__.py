"""Training of flow completion: procedural scenes with exact flow, holes, prepared clips, losses, the task.

Nothing is imported here: the command line reads `settings` alone before it works, and must not wait for torch.
"""
