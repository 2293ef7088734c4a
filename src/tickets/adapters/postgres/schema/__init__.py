"""Schema migrations and the readiness check."""
