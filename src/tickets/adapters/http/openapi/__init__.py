"""The OpenAPI document and its page, Swagger UI."""
