-- Repairs what gave a duplicate: the sequences of ids, and a ticket's last ordinal. A restore of
-- rows alone, and a logical replica that becomes a primary, leave sequences behind their ids. The
-- migration of `ticket_verification` describes how sequences are read.

-- name: is_generated_id
-- Whether a constraint or unique index is that of one column that a sequence fills.
select exists (
           select
             from ticket_sequences() as s
             join pg_class t on t.oid = s.table_id
             join pg_index i on i.indrelid = t.oid and i.indkey::text = s.column_number::text
             join pg_class c on c.oid = i.indexrelid
            where t.relnamespace::regnamespace::text = quote_ident(:schema)
              and t.relname = :table::text
              and c.relname = :constraint::text
       );

-- name: repair_sequences
-- Move the sequences that are behind in front of their ids. No sequence is ever set back, and each
-- keeps its increment: of two servers that give odd and even ids, this one keeps to its own.
select sequence, table_name, setval(sequence_id, continues_at, false) as continues_at
  from (
           -- include: sequences_behind
       ) as behind
 where continues_at <= last_possible;

-- name: repair_last_ordinal
-- Let a ticket's ordinals go on after the highest that is there.
update tickets t
   set last_ordinal = thread.highest
  from (
           select max(ordinal) as highest from ticket_messages where ticket_id = :ticket_id
       ) as thread
 where t.id = :ticket_id
   and t.last_ordinal < thread.highest
returning t.id;
