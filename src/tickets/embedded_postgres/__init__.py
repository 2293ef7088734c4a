"""An embedded PostgreSQL: a cluster in a folder, started with the service and stopped with it."""
