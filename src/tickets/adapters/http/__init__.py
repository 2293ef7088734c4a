"""The inbound adapter: the REST API as Litestar controllers."""
