"""HTTP adapter on Litestar: API, authentication, error responses, dashboards, health, metrics."""
