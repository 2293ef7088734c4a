"""What every response shares: problem details, security and rate-limit headers, request spans."""
