-- The database of the demo, and no other.

-- name: delete_all_tickets
-- Start afresh, ids included. Triggers truncate what belongs to the tickets.
truncate tickets, ticket_messages, ticket_saved_replies restart identity;
