-- The database of the demo, and no other.

-- name: delete_all_tickets
-- Start afresh, ids included.
truncate tickets, ticket_messages restart identity;
