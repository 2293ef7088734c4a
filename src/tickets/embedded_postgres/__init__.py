"""Supervises the PostgreSQL server that comes with the package."""
