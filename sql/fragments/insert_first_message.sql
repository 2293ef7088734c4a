-- Inserts the first message of ticket `changed`.
insert into ticket_messages (ticket_id, sender_type, sender_id, admin_id, sender_name, message,
                             created_at, ordinal)
select changed.id, :sender_type, :sender_id, :sender_admin_id, :sender_name, :message, :sent_at,
       :last_ordinal
  from changed
