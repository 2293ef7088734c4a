"""Request context, logs, metrics and tracing. Imports no adapter."""
