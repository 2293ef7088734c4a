"""The ports over dictionaries, for fast tests."""
