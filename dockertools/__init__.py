"""Django management commands for the Docker side of a project."""

__version__ = "0.1.0"
