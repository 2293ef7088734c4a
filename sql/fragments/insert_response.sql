-- Stores the response to a change of ticket `changed`, where there is a key. The response to a
-- reply is its message, whose id is known only now.
insert into ticket_idempotency_keys (caller, key, fingerprint, answer, recorded_at)
select :caller, :key, :fingerprint,
       case
           when :sender_type::text is null then :response::jsonb
           else :response::jsonb || jsonb_build_object('id', (select message.id from message))
       end,
       :recorded_at
  from changed
 where :key::text is not null
returning key
