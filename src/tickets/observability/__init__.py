"""Request context, logs, metrics and tracing."""
