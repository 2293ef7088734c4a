-- Sequences whose next value is not above all ids that they may have given. In `users`, which may
-- be the platform's own, only a next value that is taken counts: a platform may keep high ids
-- apart. A sequence that fills two columns is in front of the ids of both.
select distinct on (sequence_id)
       sequence_id, sequence_id::regclass::text as sequence, table_id::regclass::text as table_name,
       next_value, highest, highest + increment as continues_at, last_possible
  from ticket_sequences()
 where increment > 0
   and highest >= next_value
   and (is_taken or table_id <> coalesce(to_regclass('users'), 0::oid))
 order by sequence_id, continues_at desc
