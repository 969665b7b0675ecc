"""Compose projects: what they are, the overlays of the modes, and the switch between them."""
