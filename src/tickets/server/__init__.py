"""The HTTP server: uvicorn with bounded connections, in one process or several."""
