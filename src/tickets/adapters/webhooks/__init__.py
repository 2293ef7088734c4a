"""Adapter to webhooks: requests over HTTPS into public networks alone."""
