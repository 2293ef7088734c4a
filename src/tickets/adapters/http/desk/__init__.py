"""The admins' desk: queues, colleagues, notes, saved replies, search, reports."""
