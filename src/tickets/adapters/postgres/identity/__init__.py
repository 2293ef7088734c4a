"""Looks up and manages bearer tokens."""
