"""What a built image teaches about the system packages that it needs.

Probes read an image from inside (`environment`, `database`, `repository`), `collect` runs them, and `proposal` and
`compilers` judge what they found; `settings_edit` and `pyproject_edit` write it down.
"""
