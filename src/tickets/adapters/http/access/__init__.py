"""Authentication hooks and the limit on failed sign-ins."""
