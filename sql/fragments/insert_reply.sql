-- Inserts the new message of ticket `changed`, where the change has one.
insert into ticket_messages (ticket_id, sender_type, sender_id, admin_id, sender_name, message,
                             created_at, ordinal)
select changed.id, :sender_type::text, :sender_id, :sender_admin_id, :sender_name, :message,
       :sent_at, :last_ordinal
  from changed
 where :sender_type::text is not null
