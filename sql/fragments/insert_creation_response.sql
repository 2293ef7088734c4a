-- Stores the response to the creation of ticket `changed`, where there is a key.
insert into ticket_idempotency_keys (caller, key, fingerprint, answer, recorded_at)
select :caller, :key, :fingerprint,
       :response::jsonb || jsonb_build_object('id', changed.id, 'version', changed.version),
       :recorded_at
  from changed
 where :key::text is not null
returning key
