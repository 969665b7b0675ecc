"""What the engine holds for a project: found, measured, removed."""
