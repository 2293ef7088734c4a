"""Signed identity: JSON Web Tokens of a host platform, in any language."""
