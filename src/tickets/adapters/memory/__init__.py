"""The memory adapters: each port over dictionaries, for fast tests."""
