-- Reads the sequences that give ids, and records the daily verification of derived data.
--
-- previous release: may serve

-- The columns of our tables that a sequence fills: identity columns, and those whose default calls
-- one. A sequence may be behind its ids: a restore of rows alone and a logical replica that becomes
-- a primary leave it there. A function, as the names of sequences and tables differ from database
-- to database. It has the rights of its caller, and finds the tables along its search_path.
create function ticket_sequences()
    returns table (
        table_id oid,
        column_number smallint,
        sequence_id oid,
        increment bigint,
        last_possible bigint,
        next_value bigint,   -- null where the caller may not read the sequence or the table
        highest bigint,      -- the highest id that this sequence may have given
        is_taken boolean     -- whether there is a row with the next value already
    )
    language plpgsql
as $$
declare
    id_column name;
begin
    for table_id, column_number, id_column, sequence_id, increment, last_possible in
        select a.attrelid, a.attnum, a.attname, s.seqrelid, s.seqincrement, s.seqmax
          from unnest(array['users', 'tickets', 'ticket_messages', 'ticket_tokens']) as our (name)
          join pg_attribute a on a.attrelid = to_regclass(our.name)
          left join pg_attrdef f on f.adrelid = a.attrelid and f.adnum = a.attnum
          join pg_depend d
                 -- a default that calls a sequence
                 on d.classid = 'pg_attrdef'::regclass and d.objid = f.oid
                    and d.refclassid = 'pg_class'::regclass
                 -- the sequence of an identity column
                 or d.classid = 'pg_class'::regclass and d.deptype = 'i'
                    and d.refclassid = 'pg_class'::regclass
                    and d.refobjid = a.attrelid and d.refobjsubid = a.attnum
          join pg_sequence s
                 on s.seqrelid = case
                                     when d.classid = 'pg_class'::regclass then d.objid
                                     else d.refobjid
                                 end
    loop
        next_value := null;
        highest := null;
        is_taken := null;
        if has_sequence_privilege(sequence_id, 'select')
           and has_table_privilege(table_id, 'select')
        then
            execute format('select last_value + case when is_called then %s else 0 end from %s',
                           increment, sequence_id::regclass)
               into next_value;
            -- ids of another remainder are another sequence's, if the increment is more than one
            execute format('select %1$I from %2$s where mod(%1$I - $1, $2) = 0'
                               || ' order by %1$I desc limit 1',
                           id_column, table_id::regclass)
               into highest
              using next_value, increment;
            execute format('select exists (select from %s where %I = $1)',
                           table_id::regclass, id_column)
               into is_taken
              using next_value;
        end if;
        return next;
    end loop;
end
$$;

-- The one row says when all tickets were last verified, and how far the present round is. One of
-- many processes holds the lease and extends it with each batch; if it is gone, another goes on.
create table ticket_verification (
    only_row boolean primary key default true,
    started_at timestamptz not null,   -- of the present round, or of the last one
    finished_at timestamptz,           -- of the last round
    position bigint,                   -- the last ticket that was verified; null between two rounds
    leased_until timestamptz not null,
    found integer not null default 0,      -- findings of the present round, or of the last one
    remaining integer not null default 0,  -- those of them that could not be repaired
    constraint ticket_verification_only_row check (only_row)
);

-- the first round is a day from now: a migrated database has just been filled
insert into ticket_verification (started_at, leased_until) values (now(), now());
