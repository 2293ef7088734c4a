-- Internal notes. No other file reads or writes them, apart from the search of the admins.

-- name: add_note
-- Store a note of a ticket and the response of its idempotency key. No row where the ticket is
-- missing; without an id where it has :max_notes notes already. The ticket itself is not touched.
with ticket as (
    select t.id,
           (select count(*) from ticket_notes n where n.ticket_id = t.id) < :max_notes as has_room
      from tickets t
     where t.id = :ticket_id
       -- notes have no foreign key: a ticket that is being deleted takes no more of them
       for key share of t
), note as (
    insert into ticket_notes (ticket_id, admin_id, admin_name, note, created_at)
    select ticket.id, :admin_id, :admin_name, :note, :created_at from ticket where has_room
    returning id
), stored_response as (
    insert into ticket_idempotency_keys (caller, key, fingerprint, answer, recorded_at)
    select :caller, :key, :fingerprint, :response::jsonb || jsonb_build_object('id', note.id),
           :recorded_at
      from note
     where :key::text is not null
)
select (select note.id from note) as note_id from ticket;

-- name: notes_of_ticket
-- The notes of a ticket below an id, newest first.
select id, admin_id, admin_name, note, created_at
  from ticket_notes
 where ticket_id = :ticket_id
   and id < :before
 order by id desc
 limit :limit;
