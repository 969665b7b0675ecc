"""Measurements that are repeated with one command; see docs/performance.md."""
