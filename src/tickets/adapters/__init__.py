"""The outside of the hexagon: HTTP in front, PostgreSQL behind, and memory for tests."""
