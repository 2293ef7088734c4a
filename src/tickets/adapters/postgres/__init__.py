"""The ports on PostgreSQL through asyncpg, with the SQL from `sql/`."""
