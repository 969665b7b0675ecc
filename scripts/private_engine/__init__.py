"""A Docker engine for a machine that has none, from Debian's packages and the standard library alone."""
