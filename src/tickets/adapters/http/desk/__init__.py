"""The team's desk: routes that only admins have and that no ticket itself belongs to."""
