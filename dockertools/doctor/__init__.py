"""What keeps Docker from working for this project: facts of the machine and the project, checks over them, fixes."""
