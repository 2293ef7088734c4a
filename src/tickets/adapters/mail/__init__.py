"""Adapter to mail servers: renders mails, and sends them by SMTP."""
