"""A small service: CVs in, suggestions and a typeset PDF out."""
