"""The team's desk: queues, colleagues, notes, saved replies, search, reports."""
