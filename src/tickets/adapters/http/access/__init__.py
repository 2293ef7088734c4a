"""Authentication, the rate limit on failed sign-ins, and the client's address."""
