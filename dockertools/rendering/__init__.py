"""Facts and configuration -> text. Nothing here reads the project or writes a file."""
