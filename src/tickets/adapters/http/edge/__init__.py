"""What every response shares: problem details, security headers, rate-limit headers, tracing."""
