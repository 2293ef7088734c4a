-- The tables of the specification (section 2), on an empty database or taken over from the platform that made them.
--
-- Runs before the code that needs it. Everything happens in one transaction, so a refusal leaves the database as it was.
--
-- An existing database keeps its rows, ids, timestamps, columns and types, and whatever else the platform hung on these
-- tables: more columns, views, triggers, foreign keys. What changes in place:
--   * three columns are added (version, message_count, last_message); with constant defaults, so without a rewrite;
--   * tickets that have messages get their two counters, which is one update per such ticket, once;
--   * a missing value in a column that has an obvious one gets it: flags false, priority normal, timestamps from the
--     ticket's own messages; then those columns are declared not null;
--   * named constraints and the indexes of this service are added, and the specification's three indexes, whose
--     look-ups the new ones serve as their first column, are dropped: each index is paid for at each reply;
--   * a sequence that lags behind its ids, as after a copy of the rows alone, is put in front of them.
--
-- How long: 1,000,000 tickets with 4,000,000 messages take about a minute on a laptop, nearly all of it for the counters.
-- Tickets can be neither read nor written meanwhile; the platform's other tables can, `users` included.

-- 1. Look before touching anything ------------------------------------------------------------------------------------
--
-- Refuse what cannot be taken over, with a count and examples of each, so that the operator can decide. The code TK001
-- tells the runner that this is an answer for a person, not a fault.
--
-- Names are looked up along the search_path, as the platform's own code does, and only what is not found there is made.

-- Rows that a policy hides would be left out of the counters in silence; so they are an error.
set local row_security = off;

do $$
declare
    wrong text;
    unknown text;
begin
    if current_setting('server_encoding') <> 'UTF8' then
        raise exception using
            errcode = 'TK001',
            message = format('its encoding is %s, and people write in every script: it must be UTF8',
                             current_setting('server_encoding'));
    end if;

    -- One table without the others is a restore that stopped half-way or another system's table, and nothing to build
    -- on. Only `users` may be there alone: a platform that had no tickets yet.
    select string_agg(problem, '; ' order by problem)
      into wrong
      from (
               select case
                          when c.oid is null then format('there is no table %s', spec.table_name)
                          else format('%s is not a table', spec.table_name)
                      end as problem
                 from unnest(array['users', 'tickets', 'ticket_messages']) as spec (table_name)
                 left join pg_class c on c.oid = to_regclass(spec.table_name)
                where c.relkind not in ('r', 'p')
                   or c.oid is null and coalesce(to_regclass('tickets'), to_regclass('ticket_messages')) is not null
           ) as tables;
    if wrong is not null then
        raise exception using
            errcode = 'TK001',
            message = format('it does not have the tables of the specification: %s', wrong);
    end if;

    -- Columns of the specification that are not there, not of its type, too narrow for what the service may store, or
    -- without the key or the default that it relies on; columns of the service's own names that are somebody else's.
    select string_agg(problem, '; ' order by problem)
      into wrong
      from (
               select case
                          when a.attnum is null then format('%s.%s is missing', spec.table_name, spec.column_name)
                          else format('%s.%s is %s, not %s', spec.table_name, spec.column_name,
                                      format_type(a.atttypid, a.atttypmod), spec.written)
                      end as problem
                 from (values
                          ('users', 'id', 'integer', array['int4'], 0),
                          ('users', 'email', 'varchar', array['varchar', 'text', 'citext'], 0),
                          ('tickets', 'id', 'integer', array['int4'], 0),
                          ('tickets', 'user_id', 'integer', array['int4'], 0),
                          ('tickets', 'category', 'varchar(50)', array['varchar', 'text'], 50),
                          ('tickets', 'other_category', 'varchar(100)', array['varchar', 'text'], 100),
                          ('tickets', 'subject', 'varchar(200)', array['varchar', 'text'], 200),
                          ('tickets', 'status', 'varchar(20)', array['varchar', 'text'], 20),
                          ('tickets', 'priority', 'varchar(20)', array['varchar', 'text'], 20),
                          ('tickets', 'user_unread', 'boolean', array['bool'], 0),
                          ('tickets', 'admin_unread', 'boolean', array['bool'], 0),
                          ('tickets', 'created_at', 'timestamptz', array['timestamptz'], 0),
                          ('tickets', 'updated_at', 'timestamptz', array['timestamptz'], 0),
                          ('ticket_messages', 'id', 'integer', array['int4'], 0),
                          ('ticket_messages', 'ticket_id', 'integer', array['int4'], 0),
                          ('ticket_messages', 'sender_type', 'varchar(10)', array['varchar', 'text'], 10),
                          ('ticket_messages', 'sender_id', 'integer', array['int4'], 0),
                          ('ticket_messages', 'message', 'text', array['text', 'varchar'], 5000),
                          ('ticket_messages', 'created_at', 'timestamptz', array['timestamptz'], 0)
                      ) as spec (table_name, column_name, written, accepted, least_length)
                 left join pg_attribute a
                        on a.attrelid = to_regclass(spec.table_name) and a.attname = spec.column_name
                 left join pg_type t on t.oid = a.atttypid
                 -- a domain is as good as what it is made of
                 left join pg_type b on b.oid = t.typbasetype
                where to_regclass(spec.table_name) is not null
                  and (a.attnum is null
                       or coalesce(b.typname, t.typname) <> all (spec.accepted)
                       -- a varchar keeps its length with four added; without a length it is -1, and wide enough
                       or spec.least_length > 0 and a.atttypmod between 0 and spec.least_length + 3)
               union all
               select format('%s.id is neither a primary key nor unique', a.attrelid::regclass)
                 from unnest(array['users', 'tickets', 'ticket_messages']) as spec (table_name)
                 join pg_attribute a on a.attrelid = to_regclass(spec.table_name) and a.attname = 'id'
                where not exists (
                          select
                            from pg_index i
                           where i.indrelid = a.attrelid
                             and i.indisunique and i.indimmediate and i.indisvalid
                             and i.indpred is null and i.indexprs is null
                             and i.indnkeyatts = 1 and i.indkey[0] = a.attnum
                      )
               union all
               select format('%s.id has no default that counts it up', a.attrelid::regclass)
                 from unnest(array['tickets', 'ticket_messages']) as spec (table_name)
                 join pg_attribute a on a.attrelid = to_regclass(spec.table_name) and a.attname = 'id'
                where not a.atthasdef and a.attidentity = ''
               union all
               select format('tickets.%s is there already, and this service adds a column of that name', a.attname)
                 from pg_attribute a
                where a.attrelid = to_regclass('tickets')
                  and a.attname in ('version', 'message_count', 'last_message')
           ) as columns;
    if wrong is not null then
        raise exception using
            errcode = 'TK001',
            message = format('its columns are not those of the specification: %s', wrong);
    end if;

    if to_regclass('tickets') is null then
        return;
    end if;

    -- Rows that the specification does not know. The first look locks nothing, so that a refusal disturbs nobody. The
    -- second is at what was written during the first, and what it sees is what is changed further down.
    for look in 1..2 loop
        with finding (what, id, value) as (
            select 'tickets with an unknown status', id, status::text from tickets
             where status is null or status not in ('open', 'in_progress', 'resolved', 'closed')
            union all
            select 'tickets with an unknown category', id, category::text from tickets
             where category is null or category not in ('support', 'billing', 'feature_suggestion', 'other')
            union all
            select 'tickets without a subject', id, subject::text from tickets where subject is null
            union all
            select 'tickets without a user', t.id, t.user_id::text from tickets t
             where not exists (select from users u where u.id = t.user_id)
            union all
            select 'messages with an unknown sender_type', id, sender_type::text from ticket_messages
             where sender_type is null or sender_type not in ('user', 'admin')
            union all
            select 'messages without a text', id, message from ticket_messages where message is null
            union all
            select 'messages without a ticket', m.id, m.ticket_id::text from ticket_messages m
             where not exists (select from tickets t where t.id = m.ticket_id)
            union all
            -- infinity and years of five digits, which no calendar of the service can hold
            select 'tickets with a time that is no date', id, concat_ws(' and ', created_at, updated_at) from tickets
             where created_at not between '0001-01-02 00:00+00' and '9999-12-30 00:00+00'
                or updated_at not between '0001-01-02 00:00+00' and '9999-12-30 00:00+00'
            union all
            select 'messages with a time that is no date', id, created_at::text from ticket_messages
             where created_at not between '0001-01-02 00:00+00' and '9999-12-30 00:00+00'
        ), numbered as (
            select what, id, value, row_number() over (partition by what order by id) as n from finding
        ), counted as (
            select what,
                   count(*) as total,
                   string_agg(format('id %s: %s', id, coalesce(quote_literal(left(value, 40)), 'null')), ', ' order by id)
                       filter (where n <= 3) as examples
              from numbered
             group by what
        )
        select string_agg(format('%s: %s (%s)', what, total, examples), '; ' order by what) into unknown from counted;
        if unknown is not null then
            raise exception using
                errcode = 'TK001',
                message = format('rows that the specification does not know: %s', unknown);
        end if;

        if look = 1 then
            -- All that will be locked is locked here, at once and as hard as it will be needed: who reads first and
            -- locks harder later meets, half-way there, a session that has read too and now wants to write. In the
            -- order in which a ticket is opened: `tickets` first. The runner asks for half a second at a time.
            lock table tickets, ticket_messages in access exclusive mode;
            -- Where a foreign key guards it, `users` is left alone: the whole platform writes there.
            if not exists (
                   select
                     from pg_constraint c
                     join pg_attribute a on a.attrelid = c.conrelid and c.conkey = array[a.attnum]
                    where c.contype = 'f'
                      and c.conrelid = to_regclass('tickets')
                      and c.confrelid = to_regclass('users')
                      and a.attname = 'user_id'
               ) then
                lock table users in share row exclusive mode;
            end if;
        end if;
    end loop;
end
$$;

-- 2. The specification's tables, where they are not there yet ---------------------------------------------------------
--
-- Not `create table if not exists`, which looks into the first schema of the search_path alone and would put an empty
-- table in front of the platform's.

do $$
begin
    if to_regclass('users') is null then
        create table users (
            id serial primary key,
            email varchar(320) not null,  -- the longest address that mail can carry
            created_at timestamptz not null default now()
        );
        -- one user per address, however it is capitalised; a platform's own users table keeps its own rule
        create unique index users_email_unique on users (lower(email));
    end if;

    if to_regclass('tickets') is null then
        create table tickets (
            id serial primary key,
            user_id integer not null references users (id),
            category varchar(50) not null,
            other_category varchar(100),
            subject varchar(200) not null,
            status varchar(20) not null default 'open',
            priority varchar(20) not null default 'normal',
            user_unread boolean not null default false,
            admin_unread boolean not null default true,
            created_at timestamptz not null default now(),
            updated_at timestamptz not null default now()
        );

        create table ticket_messages (
            id serial primary key,
            ticket_id integer not null references tickets (id) on delete cascade,
            sender_type varchar(10) not null,
            sender_id integer,  -- the user; null for the admin side, whose members are not told apart
            message text not null,
            created_at timestamptz not null default now()
        );
    end if;
end
$$;

-- 3. What this service keeps beside them ------------------------------------------------------------------------------

alter table tickets
    -- compared in the `where` and raised in the `set` of every save; the code never touches it
    add column version integer not null default 1,
    -- kept by `save` so that a list is one index scan, and not a count per row
    add column message_count integer not null default 0,
    -- the newest message's first 100 characters, with an ellipsis where that cut something off
    add column last_message varchar(101) not null default '';

-- The specification's indexes, before section 4 has to keep them up to date. Only those: an index of the same name on
-- another table, or over other columns, is the platform's own.
do $$
declare
    replaced regclass;
begin
    for replaced in
        select i.indexrelid
          from (values
                   ('tickets', 'idx_tickets_user_id', 'user_id'),
                   ('tickets', 'idx_tickets_status', 'status'),
                   ('ticket_messages', 'idx_ticket_messages_ticket_id', 'ticket_id')
               ) as spec (table_name, index_name, column_name)
          join pg_index i on i.indrelid = to_regclass(spec.table_name)
          join pg_class c on c.oid = i.indexrelid and c.relname = spec.index_name
         where i.indnatts = 1
           and i.indpred is null
           and not i.indisunique
           and pg_get_indexdef(i.indexrelid, 1, false) = spec.column_name
    loop
        execute format('drop index %s', replaced);
    end loop;
end
$$;

-- A thread in the order in which it is read (get_ticket_with_thread). Made here as section 4 goes along it: sorting all
-- messages by their ticket instead takes twice the time.
create index ticket_messages_of_ticket on ticket_messages (ticket_id, created_at, id);
-- so that section 4 is planned for the rows that are there, also right after a restore
analyze ticket_messages;

-- 4. An existing database's rows --------------------------------------------------------------------------------------

do $$
declare
    pause text[];
    resume text[];
    command text;
begin
    -- The platform's own triggers are not meant for this: one that stamps updated_at would mark every ticket as changed
    -- today. They are put back as they were, those that were off already are left off.
    select array_agg(format('alter table %s disable trigger %I', tgrelid::regclass, tgname)),
           array_agg(format('alter table %s enable %s trigger %I', tgrelid::regclass,
                            case tgenabled when 'A' then 'always' end, tgname))
      into pause, resume
      from pg_trigger
     where tgrelid in (to_regclass('tickets'), to_regclass('ticket_messages'))
       and not tgisinternal
       and tgenabled in ('O', 'A');

    foreach command in array coalesce(pause, '{}') loop
        execute command;
    end loop;

    -- a message without a time stands where its id puts it: at the time of the one before it
    update ticket_messages m
       set created_at = coalesce(thread.latest_before, t.created_at, thread.earliest, t.updated_at, now())
      from (
               select id, ticket_id,
                      max(created_at) over (partition by ticket_id order by id) as latest_before,
                      min(created_at) over (partition by ticket_id) as earliest
                 from ticket_messages
                where ticket_id in (select ticket_id from ticket_messages where created_at is null)
           ) as thread
      join tickets t on t.id = thread.ticket_id
     where m.id = thread.id
       and m.created_at is null;

    -- each ticket that has messages, once, whatever it lacks
    update tickets t
       set message_count = thread.message_count,
           -- chr(8230) is the ellipsis, which a script for a database of another encoding could not even contain
           last_message = case
                              when char_length(newest.message) > 100 then left(newest.message, 100) || chr(8230)
                              else newest.message
                          end,
           user_unread = coalesce(t.user_unread, false),
           admin_unread = coalesce(t.admin_unread, false),
           priority = coalesce(t.priority, 'normal'),
           created_at = coalesce(t.created_at, thread.earliest, t.updated_at),
           updated_at = coalesce(t.updated_at, thread.latest, t.created_at)
      from (
               select ticket_id,
                      count(*) as message_count,
                      min(created_at) as earliest,
                      max(created_at) as latest
                 from ticket_messages
                group by ticket_id
           ) as thread
     cross join lateral (
               select message
                 from ticket_messages
                where ticket_id = thread.ticket_id
                order by created_at desc, id desc
                limit 1
           ) as newest
     where t.id = thread.ticket_id;

    -- and those that have none, if they lack something
    update tickets
       set user_unread = coalesce(user_unread, false),
           admin_unread = coalesce(admin_unread, false),
           priority = coalesce(priority, 'normal'),
           created_at = coalesce(created_at, updated_at, now()),
           updated_at = coalesce(updated_at, created_at, now())
     where user_unread is null
        or admin_unread is null
        or priority is null
        or created_at is null
        or updated_at is null;

    foreach command in array coalesce(resume, '{}') loop
        execute command;
    end loop;
end
$$;

-- 5. Rules that the database holds as well ----------------------------------------------------------------------------
--
-- Lengths are not among them: rows from before may break a bound that only the form knows, and must stay writable.
-- All of a table's in one command, which is one look at its rows.

alter table tickets
    alter column user_id set not null,
    alter column category set not null,
    alter column subject set not null,
    alter column status set not null,
    alter column status set default 'open',
    alter column priority set not null,
    alter column priority set default 'normal',
    alter column user_unread set not null,
    alter column user_unread set default false,
    alter column admin_unread set not null,
    alter column admin_unread set default true,
    alter column created_at set not null,
    alter column created_at set default now(),
    alter column updated_at set not null,
    alter column updated_at set default now(),
    add constraint tickets_status_known check (status in ('open', 'in_progress', 'resolved', 'closed')),
    add constraint tickets_category_known check (category in ('support', 'billing', 'feature_suggestion', 'other')),
    add constraint tickets_message_count_natural check (message_count >= 0);

alter table ticket_messages
    alter column ticket_id set not null,
    alter column sender_type set not null,
    alter column message set not null,
    alter column created_at set not null,
    alter column created_at set default now(),
    add constraint ticket_messages_sender_type_known check (sender_type in ('user', 'admin'));

-- The specification's two foreign keys, where somebody left them out; where they are there, they stay as they are.
do $$
declare
    missing record;
begin
    for missing in
        select spec.table_name, spec.name, spec.definition
          from (values
                   ('tickets', 'user_id', 'users', 'tickets_user_exists',
                    'foreign key (user_id) references users (id)'),
                   ('ticket_messages', 'ticket_id', 'tickets', 'ticket_messages_ticket_exists',
                    'foreign key (ticket_id) references tickets (id) on delete cascade')
               ) as spec (table_name, column_name, target, name, definition)
         where not exists (
                   select
                     from pg_constraint c
                     join pg_attribute a on a.attrelid = c.conrelid and c.conkey = array[a.attnum]
                    where c.contype = 'f'
                      and c.conrelid = to_regclass(spec.table_name)
                      and c.confrelid = to_regclass(spec.target)
                      and a.attname = spec.column_name
               )
    loop
        execute format('alter table %s add constraint %I %s', missing.table_name, missing.name, missing.definition);
    end loop;
end
$$;

-- 6. Indexes ----------------------------------------------------------------------------------------------------------
--
-- All but the primary keys hold `updated_at` or a flag, so each of them is written at each reply: few, and each for
-- more than one look-up. The lists scan them backwards, newest first. Made after section 4, which would have to write
-- each entry twice.

-- a user's list, with and without a status (user_list), and the foreign key
create index tickets_of_user on tickets (user_id, status, updated_at, id);
-- a user's badge: as many entries as the user has unread tickets (user_unread)
create index tickets_unread_by_user on tickets (user_id) where user_unread;
-- the admins' list without a filter (admin_list), and as its first column the admins' badge (admin_unread)
create index tickets_by_activity on tickets (admin_unread, updated_at, id);
-- the admins' list by status, category or both (admin_list_filtered), and the figures, without the table (admin_stats)
create index tickets_by_status_and_category on tickets (status, category, admin_unread, updated_at, id);
-- natural close: resolved tickets, longest unchanged first (resolved_until)
create index tickets_resolved on tickets (updated_at, id) where status = 'resolved';

-- the first requests should not be planned for the table as it was
analyze tickets;

-- 7. Sequences --------------------------------------------------------------------------------------------------------

-- Last, as what is done to a sequence stays done when a transaction is not.
select setval(owned.sequence, owned.highest)
  from (
           select pg_get_serial_sequence('tickets', 'id')::regclass as sequence, max(id) as highest from tickets
           union all
           select pg_get_serial_sequence('ticket_messages', 'id')::regclass, max(id) from ticket_messages
       ) as owned
 where owned.highest > coalesce(pg_sequence_last_value(owned.sequence), 0);
