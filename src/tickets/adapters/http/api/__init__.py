"""The REST API: controllers, request and response bodies, parameters."""
