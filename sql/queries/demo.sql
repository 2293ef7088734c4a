-- The demo's own database, and no other.

-- name: forget
-- Begin anew, ids included.
truncate tickets, ticket_messages restart identity;
