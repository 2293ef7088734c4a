"""Connection pool, statement execution and the LISTEN/NOTIFY listener."""
