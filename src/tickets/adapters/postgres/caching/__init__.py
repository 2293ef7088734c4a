"""Caches that notifications invalidate."""
