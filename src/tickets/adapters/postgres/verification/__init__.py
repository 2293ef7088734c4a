"""Verifies and repairs what is derived or configured once."""
