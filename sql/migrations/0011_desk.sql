-- Adds the desk of a team: named admins, assignees, events, notes, saved replies, and the outbox.
--
-- previous release: may serve
--
-- Events are written by the statement of the change, which counts them up in
-- `tickets.events_recorded`. Where a change leaves that as it is, another program or the previous
-- release made it: triggers record the events, without an author, and keep the new columns right.
-- So this release's own writes call none of these functions.
--
-- Notes and events have no foreign keys to their tickets. A program that truncates `tickets` would
-- have to know these tables, and each event would pay for the check. Triggers delete them with
-- their ticket. Whoever writes an event holds the row of its ticket, so it cannot be deleted at the
-- same time; whoever inserts a note has to lock that row `for key share`.

-- step: tables

do $$
declare
    taken text;
begin
    select string_agg(name, ', ' order by name)
      into taken
      from (
               select format('%s.%s', attrelid::regclass, attname) as name
                 from pg_attribute
                where attrelid = 'tickets'::regclass
                      and attname in ('assignee_id', 'last_sender', 'opened_by', 'first_replied_at',
                                      'resolved_at', 'events_recorded')
                   or attrelid = 'ticket_messages'::regclass
                      and attname in ('admin_id', 'sender_name')
                union all
               select format('table %s', name)
                 from unnest(array['ticket_admins', 'ticket_saved_replies', 'ticket_notes',
                                   'ticket_events', 'ticket_channels', 'ticket_deliveries'])
                          as name
                where to_regclass(name) is not null
           ) as ours;
    if taken is not null then
        raise exception using
            errcode = 'TK001',
            message = format('this service adds what is there already: %s', taken);
    end if;
end
$$;

create table ticket_admins (
    id integer generated always as identity primary key,
    name varchar(100) not null,          -- what customers and colleagues see
    email varchar(320) not null,
    token_sha256 bytea unique,           -- null once the admin is disabled
    created_at timestamptz not null default now(),
    disabled_at timestamptz,
    constraint ticket_admins_sha256_length check (octet_length(token_sha256) = 32)
);

create unique index ticket_admins_email_unique on ticket_admins (lower(email));

create table ticket_saved_replies (
    id integer generated always as identity primary key,
    title varchar(100) not null,
    text text not null,
    updated_at timestamptz not null
);

-- Internal notes, in a table of their own, so that no reader of ticket_messages can show one.
create table ticket_notes (
    id integer generated always as identity primary key,
    ticket_id integer not null,
    admin_id integer,                    -- null for the shared token
    admin_name varchar(100),
    note text not null,
    created_at timestamptz not null
);

create index ticket_notes_of_ticket on ticket_notes (ticket_id, id);

create table ticket_events (
    id bigint generated always as identity primary key,
    ticket_id integer not null,
    at timestamptz not null,
    kind varchar(20) not null,
    by varchar(10) not null,             -- user, admin or system
    admin_id integer,                    -- with its name as it was then; null for the shared token
    admin_name varchar(100),
    before text,                         -- `from` and `to` in JSON
    after text,
    message_id integer,                  -- of kind `message`
    -- serial ids are not committed in order; readers go up to the oldest transaction under way
    transaction_id xid8 not null default pg_current_xact_id()
);

create index ticket_events_of_ticket on ticket_events (ticket_id, id);

-- What a history shows, without the events of each message, which are many.
create index ticket_events_history on ticket_events (ticket_id, id)
 where kind in ('status', 'follow_up', 'closed_naturally', 'assignee', 'priority');

-- Reports count changes of status and the beginnings and ends of waits, day by day.
create index ticket_events_of_status on ticket_events (at)
    include (id, ticket_id, kind, by, before, after)
    where kind in ('status', 'closed_naturally');

create index ticket_events_taken_back on ticket_events (at) include (id, ticket_id)
    where kind = 'status' and by <> 'user'
      and before in ('resolved', 'closed') and after in ('open', 'in_progress');

create index ticket_events_of_waits on ticket_events (at) include (after) where kind = 'waiting';

-- Where events are delivered to. Empty until a channel is switched on.
create table ticket_channels (
    id integer generated always as identity primary key,
    channel varchar(20) not null,        -- mail or webhook
    target text not null,
    events text[] not null,
    created_at timestamptz not null default now(),
    disabled_at timestamptz
);

-- The outbox: filled by the statement of the change, drained with leases, at least once.
create table ticket_deliveries (
    id bigint generated always as identity primary key,
    channel varchar(20) not null,
    event varchar(30) not null,
    event_id bigint not null,
    ticket_id integer not null,
    target text not null,
    body jsonb not null,                 -- the same at each attempt
    due_at timestamptz not null,
    leased_until timestamptz,
    attempts integer not null default 0,
    last_error text,
    delivered_at timestamptz
);

create index ticket_deliveries_of_ticket on ticket_deliveries (ticket_id, id);

-- Invalidates caches, as 0007 describes: `admin:` with the token's SHA-256, and all tickets, which
-- name their assignee. A new admin is in no cache.
create function ticket_admins_tell() returns trigger
    language plpgsql
as $$
begin
    if tg_op = 'TRUNCATE' then
        perform pg_catalog.pg_notify('tickets_changes', 'admin:');
    elsif old.token_sha256 is not null then
        perform pg_catalog.pg_notify(
            'tickets_changes', 'admin:' || pg_catalog.encode(old.token_sha256, 'hex'));
    end if;
    if tg_op = 'UPDATE' then
        if old.name = new.name and old.disabled_at is not distinct from new.disabled_at then
            return null;
        end if;
    end if;
    perform pg_catalog.pg_notify('tickets_changes', 'ticket:');
    return null;
end
$$;

create trigger ticket_admins_move
    after update or delete on ticket_admins
    for each row execute function ticket_admins_tell();

create trigger ticket_admins_vanish
    after truncate on ticket_admins
    for each statement execute function ticket_admins_tell();

-- As in 0010, with the tables of this migration.
create or replace function ticket_sequences()
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
          from unnest(array[
                   'users', 'tickets', 'ticket_messages', 'ticket_tokens', 'ticket_admins',
                   'ticket_saved_replies', 'ticket_notes', 'ticket_events', 'ticket_channels',
                   'ticket_deliveries'
               ]) as our (name)
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

-- step: columns_and_triggers
-- Locks both tables for some milliseconds: no column needs a rewrite.

lock table tickets, ticket_messages in access exclusive mode;

alter table tickets
    add column assignee_id integer,                         -- in ticket_admins; no foreign key
    add column last_sender varchar(10) not null default 'user',
    add column opened_by varchar(10) not null default 'user',
    -- when the first answer to a waiting customer was written, and the last resolution
    add column first_replied_at timestamptz,
    add column resolved_at timestamptz,
    add column events_recorded integer not null default 0;

alter table ticket_messages
    add column admin_id integer,
    add column sender_name varchar(100);                    -- of the named admin, as it was then

-- The same values as in 0001. A check is parsed by each statement, and a list of values that is one
-- constant takes a third of the time of one that is an expression.
alter table tickets
    drop constraint tickets_status_known,
    drop constraint tickets_category_known,
    add constraint tickets_status_known
        check (status::text = any ('{open,in_progress,resolved,closed}'::text[])) not valid,
    add constraint tickets_category_known
        check (category::text = any ('{support,billing,feature_suggestion,other}'::text[]))
        not valid;

alter table ticket_messages
    drop constraint ticket_messages_sender_type_known,
    add constraint ticket_messages_sender_type_known
        check (sender_type::text = any ('{user,admin}'::text[])) not valid;

-- As in 0009. A status that another program changes sets or clears the time of the resolution.
create or replace function ticket_marks_follow() returns trigger
    language plpgsql
as $$
declare
    counted constant boolean :=
        new.message_count > old.message_count and new.last_ordinal = old.last_ordinal;
begin
    if old.user_unread > new.user_unread or old.user_unread < new.user_unread and counted then
        new.user_seen := greatest(new.user_seen, new.last_ordinal);
    end if;
    if old.admin_unread > new.admin_unread or old.admin_unread < new.admin_unread and counted then
        new.admin_seen := greatest(new.admin_seen, new.last_ordinal);
    end if;
    if new.status = old.status then
        return new;
    end if;
    if new.status in ('resolved', 'closed') then
        new.waiting_since := null;
    end if;
    if new.status in ('open', 'in_progress') then
        new.resolved_at := null;
    elsif new.status = 'resolved' or old.status <> 'resolved' then
        new.resolved_at := case
            when new.updated_at > old.updated_at then new.updated_at
            else now()
        end;
    end if;
    return new;
end
$$;

-- As in 0009, with events and the new columns. It records its events itself, and counts them.
create or replace function ticket_threads_grow(grown integer[]) returns void
    language plpgsql
as $$
begin
    perform from tickets t where t.id = any (grown) order by t.id for no key update;

    with numbered as (
        update ticket_messages m
           set ordinal = place.ordinal
          from (
                   select m.id, t.status, t.waiting_since,
                          greatest(t.last_ordinal, given.highest)
                          + row_number() over (partition by t.id order by m.created_at, m.id)
                              as ordinal
                     from unnest(grown) as g (id)
                     join tickets t on t.id = g.id
                    -- a row that was restored without triggers may not know them all
                    cross join lateral (
                              select max(ordinal) as highest
                                from ticket_messages
                               where ticket_id = t.id
                          ) as given
                     join ticket_messages m on m.ticket_id = t.id and m.ordinal is null
               ) as place
         where m.id = place.id
        returning m.ticket_id, m.id, m.ordinal, m.sender_type, m.created_at,
                  left(m.message, 101) as beginning,
                  place.status, place.waiting_since
    ), answered as (
        select ticket_id, id, ordinal, sender_type, created_at, beginning, status, waiting_since,
               coalesce(max(ordinal) filter (where sender_type = 'admin')
                            over (partition by ticket_id), 0) as answer,
               min(ordinal) filter (where sender_type = 'user')
                   over (partition by ticket_id) as question
          from numbered
    ), growth as (
        select ticket_id, answer, status, waiting_since as waited_since,
               count(*) as messages,
               min(ordinal) as first_ordinal,
               max(ordinal) as last_ordinal,
               (array_agg(beginning order by ordinal desc))[1] as newest,
               (array_agg(sender_type order by ordinal desc))[1] as last_sender,
               (array_agg(sender_type order by ordinal))[1] as first_sender,
               min(ordinal) filter (where sender_type = 'user') as first_of_user,
               min(ordinal) filter (where sender_type = 'admin') as first_of_admins,
               -- an answer to somebody who waits
               (array_agg(created_at order by ordinal) filter (
                   where sender_type = 'admin'
                     and (waiting_since is not null or ordinal > question)
               ))[1] as replied_at,
               max(created_at) filter (where ordinal = answer) as answered_at,
               -- a user's message sets it, an admin's clears it; nobody waits in a closed ticket
               case
                   when status = 'closed' then null
                   when answer = 0 and waiting_since is not null then waiting_since
                   else min(created_at) filter (where sender_type = 'user' and ordinal > answer)
               end as waits_since
          from answered
         group by ticket_id, answer, status, waiting_since
    ), event as (
        insert into ticket_events (ticket_id, at, kind, by, after, message_id)
        select ticket_id, at, kind, by, after, message_id
          from (
                   select ticket_id, ordinal, created_at as at, 'message' as kind,
                          sender_type as by, null as after, id as message_id
                     from numbered
                    union all
                   select ticket_id, last_ordinal + 1, coalesce(waits_since, answered_at),
                          'waiting',
                          case when waits_since is null then 'admin' else 'user' end,
                          case when waits_since is null then 'ended' else 'began' end, null
                     from growth
                    where (waits_since is null) <> (waited_since is null)
               ) as event
         order by ticket_id, ordinal
    )
    update tickets t
       set last_ordinal = growth.last_ordinal,
           message_count = (
               select count(*) from ticket_messages m where m.ticket_id = t.id
           ),
           last_message = ticket_message_preview(growth.newest),
           -- a clear flag: what came before the other side's new message was shown
           user_seen = case
               when t.user_unread then t.user_seen
               else greatest(t.user_seen, growth.first_of_admins - 1)
           end,
           admin_seen = case
               when t.admin_unread then t.admin_seen
               else greatest(t.admin_seen, growth.first_of_user - 1)
           end,
           waiting_since = growth.waits_since,
           last_sender = growth.last_sender,
           opened_by = case
               when growth.first_ordinal = 1 then growth.first_sender
               else t.opened_by
           end,
           first_replied_at = case
               when t.first_replied_at is null
                    and t.status <> 'closed'
                    and case when growth.first_ordinal = 1 then growth.first_sender
                             else t.opened_by end = 'user'
               then growth.replied_at
               else t.first_replied_at
           end,
           events_recorded = t.events_recorded + growth.messages
               + ((growth.waits_since is null) <> (t.waiting_since is null))::integer
      from growth
     where t.id = growth.ticket_id;
end
$$;

-- As in 0009, with the sender of the newest message.
create or replace function ticket_thread_shrink(
    shrunk_ticket integer,
    lost_questions integer[],
    lost_times timestamptz[],
    lost_answer integer
) returns void
    language plpgsql
as $$
declare
    ticket record;
    answer integer;
    waiting timestamptz;
begin
    select t.status, t.waiting_since
      into ticket
      from tickets t
     where t.id = shrunk_ticket
       for no key update;
    if not found then
        return;
    end if;

    select coalesce(max(ordinal), 0)
      into answer
      from ticket_messages
     where ticket_id = shrunk_ticket
       and sender_type = 'admin';

    waiting := ticket.waiting_since;
    if ticket.status = 'closed' then
        waiting := null;
    elsif lost_answer > answer and ticket.status <> 'resolved' then
        select created_at
          into waiting
          from ticket_messages
         where ticket_id = shrunk_ticket
           and sender_type = 'user'
           and ordinal > answer
         order by ordinal
         limit 1;
    elsif array_position(lost_times, waiting) is not null then
        -- the message that was waited for is gone: the next one counts
        select created_at
          into waiting
          from ticket_messages
         where ticket_id = shrunk_ticket
           and sender_type = 'user'
           and ordinal > greatest(
                   answer, lost_questions[array_position(lost_times, ticket.waiting_since)])
         order by ordinal
         limit 1;
    end if;

    update tickets t
       set message_count = (
               select count(*) from ticket_messages m where m.ticket_id = shrunk_ticket
           ),
           last_message = coalesce(newest.preview, ''),
           last_sender = coalesce(newest.sender_type, 'user'),
           waiting_since = waiting
      from (select 1) as always
      left join lateral (
               select ticket_message_preview(m.message) as preview, m.sender_type
                 from ticket_messages m
                where m.ticket_id = shrunk_ticket
                -- without ordinals only while 0009 fills them in
                order by m.ordinal desc nulls first, m.created_at desc, m.id desc
                limit 1
           ) as newest on true
     where t.id = shrunk_ticket;
end
$$;

create or replace function ticket_messages_vanish() returns trigger
    language plpgsql
    security definer
as $$
begin
    perform ticket_statement_begins('messages', '');
    update tickets
       set message_count = 0, last_message = '', waiting_since = null, last_sender = 'user'
     where message_count > 0;
    return null;
end
$$;

-- Records that tickets were opened by another program or by the previous release. That of 0010
-- gives the ordinal of the first message itself. Messages without an ordinal have their own trigger.
-- A restore of rows may bring the events of a ticket before the ticket.
create function ticket_events_begin() returns trigger
    language plpgsql
    security definer
as $$
declare
    first_version text;
begin
    select id || ' ' || version into first_version from added limit 1;
    if not ticket_statement_begins('events', first_version) then
        return null;
    end if;
    if new.last_ordinal = 0 and (select count(*) from added) = 1 then
        insert into ticket_events (ticket_id, at, kind, by)
        select new.id, new.created_at, 'created', new.opened_by
         where not exists (
                   select from ticket_events where ticket_id = new.id and kind = 'created'
               );
        return null;
    end if;
    -- planned at each call, for one row or a million
    execute $statement$
        with opened as (
            select id, created_at, opened_by, last_ordinal, waiting_since
              from added t
             where events_recorded = 0
               and not exists (
                       select from ticket_events e where e.ticket_id = t.id and e.kind = 'created'
                   )
        )
        insert into ticket_events (ticket_id, at, kind, by, after, message_id)
        select ticket_id, at, kind, by, after, message_id
          from (
                   select id as ticket_id, 0 as place, created_at as at, 'created' as kind,
                          opened_by as by, null as after, null::integer as message_id
                     from opened
                    union all
                   select m.ticket_id, m.ordinal, m.created_at, 'message', m.sender_type, null, m.id
                     from opened t
                     join ticket_messages m
                            on m.ticket_id = t.id and m.ordinal between 1 and t.last_ordinal
                    where t.last_ordinal > 0
                    union all
                   select id, last_ordinal + 1, waiting_since, 'waiting', 'user', 'began', null
                     from opened
                    where waiting_since is not null
               ) as event
         order by ticket_id, place
    $statement$;
    return null;
end
$$;

-- Records what a change of one ticket by another program or by the previous release means. That of
-- 0010 raises the last ordinal itself; then the columns that it does not know follow its message.
create function ticket_events_of_change(was tickets, became tickets) returns void
    language plpgsql
as $$
<<ticket>>
declare
    message record;
    last_sender varchar(10) := became.last_sender;
    opened_by varchar(10) := became.opened_by;
    first_replied_at timestamptz := became.first_replied_at;
    author varchar(10) := 'system';
    moment timestamptz := case
        when became.updated_at > was.updated_at then became.updated_at
        else now()
    end;
begin
    if became.last_ordinal > was.last_ordinal then
        for message in
            select m.id, m.ordinal, m.sender_type, m.created_at
              from ticket_messages m
             where m.ticket_id = became.id
               and m.ordinal > was.last_ordinal
               and m.ordinal <= became.last_ordinal
               -- a repair raises the last ordinal over messages that are known
               and not exists (
                       select from ticket_events e
                        where e.ticket_id = became.id and e.message_id = m.id
                   )
             order by m.ordinal
        loop
            insert into ticket_events (ticket_id, at, kind, by, message_id)
            values (became.id, message.created_at, 'message', message.sender_type, message.id);
            author := message.sender_type;
            moment := message.created_at;
            last_sender := message.sender_type;
            if message.ordinal = 1 then
                opened_by := message.sender_type;
            end if;
            if author = 'admin' and opened_by = 'user' and was.waiting_since is not null then
                first_replied_at := coalesce(first_replied_at, moment);
            end if;
        end loop;
        if (last_sender, opened_by, first_replied_at) is distinct from
           (became.last_sender, became.opened_by, became.first_replied_at)
        then
            update tickets t
               set last_sender = ticket.last_sender,
                   opened_by = ticket.opened_by,
                   first_replied_at = ticket.first_replied_at
             where t.id = became.id;
        end if;
    end if;

    if became.status <> was.status then
        insert into ticket_events (ticket_id, at, kind, by, before, after)
        values (became.id, moment, 'status',
                -- a reply of a user reopens the ticket
                case when author = 'user' and was.status = 'resolved' then author
                     else 'system' end,
                was.status, became.status);
    end if;

    if (became.waiting_since is null) <> (was.waiting_since is null) then
        insert into ticket_events (ticket_id, at, kind, by, after)
        values (became.id, moment, 'waiting', author,
                case when became.waiting_since is null then 'ended' else 'began' end);
    end if;
end
$$;

create function ticket_events_follow() returns trigger
    language plpgsql
    security definer
as $$
declare
    first_version text;
begin
    if old.status = new.status and old.last_ordinal >= new.last_ordinal
       and (old.waiting_since is null) = (new.waiting_since is null)
    then
        return null;
    end if;
    select id || ' ' || version into first_version from added limit 1;
    if not ticket_statement_begins('events', first_version) then
        return null;
    end if;
    if (select count(*) from added) = 1 then
        perform ticket_events_of_change(old, new);
        return null;
    end if;
    -- Planned at each call. No statement over several tickets raises ordinals, but for the function
    -- that numbers messages, which records its events itself.
    execute $statement$
        insert into ticket_events (ticket_id, at, kind, by, before, after)
        select ticket_id, at, kind, 'system', before, after
          from (
                   select a.id as ticket_id, 'status' as kind, r.status as before, a.status as after,
                          case when a.updated_at > r.updated_at then a.updated_at
                               else now() end as at
                     from added a
                     join removed r on r.id = a.id
                    where a.events_recorded = r.events_recorded
                      and a.status <> r.status
                    union all
                   select a.id, 'waiting', null,
                          case when a.waiting_since is null then 'ended' else 'began' end,
                          case when a.updated_at > r.updated_at then a.updated_at else now() end
                     from added a
                     join removed r on r.id = a.id
                    where a.events_recorded = r.events_recorded
                      and (a.waiting_since is null) <> (r.waiting_since is null)
               ) as event
         order by ticket_id, kind
    $statement$;
    return null;
end
$$;

-- Deletes what belongs to deleted tickets, and has no foreign key.
create function ticket_history_end() returns trigger
    language plpgsql
    security definer
as $$
begin
    -- a ticket may come back with its id and version in this transaction
    perform ticket_statement_begins('events', '');
    -- planned at each call, for one row or a million
    execute 'delete from ticket_events where ticket_id in (select id from removed)';
    execute 'delete from ticket_notes where ticket_id in (select id from removed)';
    execute 'delete from ticket_deliveries where ticket_id in (select id from removed)';
    return null;
end
$$;

create function ticket_history_vanish() returns trigger
    language plpgsql
    security definer
as $$
begin
    perform ticket_statement_begins('events', '');
    truncate ticket_events, ticket_notes, ticket_deliveries;
    return null;
end
$$;

-- Fills the new columns of the next `size` tickets after the id `last`, and records that they were
-- opened; returns the last of them, null where there are none. As `ticket_threads_fill` of 0009.
create function ticket_desk_fill(last bigint, size integer) returns bigint
    language plpgsql
    set row_security = off
    -- less than `deadlock_timeout`: whoever waits for this one is not aborted
    set lock_timeout = '500ms'
    -- the events have no statistics yet: each batch would read all of them
    set enable_seqscan = off
as $$
declare
    batch integer[];
    pause text[];
    resume text[];
    command text;
begin
    -- the platform's own triggers are not meant for this: one may stamp `updated_at`
    select array_agg(format('alter table %s disable trigger %I', tgrelid::regclass, tgname)),
           array_agg(format('alter table %s enable %s trigger %I', tgrelid::regclass,
                            case tgenabled when 'A' then 'always' end, tgname))
      into pause, resume
      from pg_trigger
      join pg_proc on pg_proc.oid = tgfoid
     where tgrelid = 'tickets'::regclass
       and not tgisinternal
       and tgenabled in ('O', 'A')
       and proname not in (
               'ticket_marks_follow', 'ticket_counts_add', 'ticket_counts_subtract',
               'ticket_counts_move', 'ticket_counts_forget', 'ticket_badges_tell',
               'ticket_versions_rise', 'ticket_versions_end', 'ticket_events_begin',
               'ticket_events_follow', 'ticket_history_end', 'ticket_history_vanish'
           );
    if pause is not null then
        lock table tickets in share row exclusive mode;
        foreach command in array pause loop
            execute command;
        end loop;
    end if;

    select array_agg(id order by id)
      into batch
      from (
               select id from tickets where id > last order by id limit size for no key update
           ) as locked;

    update tickets t
       set last_sender = thread.last_sender,
           opened_by = thread.opened_by,
           -- A trigger that knew nothing of earlier replies may have taken a later one for the first.
           -- One that took the opener for a user may have recorded one where there is none.
           first_replied_at = case when thread.opened_by = 'user'
                                   then least(t.first_replied_at, thread.replied_at) end
      from (
               select ticket_id,
                      (array_agg(sender_type order by ordinal desc))[1] as last_sender,
                      (array_agg(sender_type order by ordinal))[1] as opened_by,
                      case
                          when (array_agg(sender_type order by ordinal))[1] = 'user'
                          then (array_agg(created_at order by ordinal)
                                    filter (where sender_type = 'admin'))[1]
                      end as replied_at
                 from ticket_messages
                where ticket_id = any (batch)
                group by ticket_id
           ) as thread
     where t.id = thread.ticket_id
       and (t.last_sender, t.opened_by, t.first_replied_at)
           is distinct from (thread.last_sender, thread.opened_by,
                             case when thread.opened_by = 'user'
                                  then least(t.first_replied_at, thread.replied_at) end);

    -- a ticket that was opened since the triggers exist has its event already
    insert into ticket_events (ticket_id, at, kind, by)
    select t.id, t.created_at, 'created', t.opened_by
      from tickets t
     where t.id = any (batch)
       and t.id <> all (array(
               select e.ticket_id
                 from ticket_events e
                where e.ticket_id = any (batch)
                  and e.kind = 'created'
           ))
     order by t.id;

    foreach command in array coalesce(resume, '{}') loop
        execute command;
    end loop;
    return batch[array_upper(batch, 1)];
end
$$;

-- The tables of a platform may lie in another schema than those that were made for it.
do $$
declare
    pinned text;
    schemas text;
begin
    select string_agg(format('%I', nspname), ', ' order by nspname <> current_schema(), nspname)
      into schemas
      from pg_namespace
     where nspname = current_schema()
        or oid in (
               select relnamespace
                 from pg_class
                where oid in ('tickets'::regclass, 'ticket_messages'::regclass)
           );
    foreach pinned in array array[
        'ticket_messages_vanish()', 'ticket_events_begin()', 'ticket_events_follow()',
        'ticket_history_end()', 'ticket_history_vanish()'
    ] loop
        execute format('alter function %s set search_path = %s, pg_temp', pinned, schemas);
    end loop;
end
$$;

-- Each statement parses the conditions of its table's triggers and checks: that took a tenth of a
-- reply. So these conditions are short, and their functions compare the rest.
drop trigger ticket_marks_follow on tickets;

create trigger ticket_marks_follow
    before update on tickets
    for each row
    when (old.events_recorded = new.events_recorded)
    execute function ticket_marks_follow();

create trigger ticket_events_begin
    after insert on tickets
    referencing new table as added
    for each row
    when (new.events_recorded = 0)
    execute function ticket_events_begin();

create trigger ticket_events_follow
    after update on tickets
    referencing old table as removed new table as added
    for each row
    when (old.events_recorded = new.events_recorded)
    execute function ticket_events_follow();

create trigger ticket_history_end
    after delete on tickets
    referencing old table as removed
    for each statement execute function ticket_history_end();

create trigger ticket_history_vanish
    after truncate on tickets
    for each statement execute function ticket_history_vanish();

-- step: validate
-- Reads both tables, and locks out neither readers nor writers.

alter table tickets validate constraint tickets_status_known;
alter table tickets validate constraint tickets_category_known;
alter table ticket_messages validate constraint ticket_messages_sender_type_known;

-- step: fill, in batches
select ticket_desk_fill(:after, :size);

-- The queues. A page is chosen from the index alone, filters included. (Nobody is 0 and not null:
-- after `is null` an index gives no order.)

-- step: index_waiting, concurrently
-- whose customers wait, longest first
create index concurrently tickets_waiting on tickets (waiting_since, id)
    include (status, category, priority, admin_unread, assignee_id)
    where waiting_since is not null;

-- step: index_assigned, concurrently
-- the open work of an admin or of nobody: those whose customers wait first, longest first
create index concurrently tickets_by_assignee
    on tickets (coalesce(assignee_id, 0), coalesce(waiting_since, 'infinity'::timestamptz), id)
    include (status, category, priority, admin_unread, assignee_id, waiting_since, updated_at)
    where status <> 'closed';

-- step: index_open, concurrently
-- what is neither resolved nor closed, newest activity first
create index concurrently tickets_not_done on tickets (updated_at, id)
    include (status, category, priority, admin_unread, assignee_id, waiting_since)
    where status in ('open', 'in_progress');

-- step: drop_fill
drop function ticket_desk_fill(bigint, integer);
