-- Adds ordinals, read marks, waiting customers and follow-ups, and triggers that keep derived
-- columns right for writes of other programs and of the previous release.
--
-- previous release: may serve
--
-- A message's ordinal is its place in its ticket: 1, 2, 3 … in the order in which messages were
-- committed. It never changes. This release gives it in the statement that saves a reply. A message
-- without one comes from another program or from the previous release; a trigger numbers it and
-- brings its ticket up to date. So the service's own replies call none of these functions, unless
-- they change what is counted.
--
-- Locks. Whoever gives ordinals holds the ticket's row, taken by an update or `for no key update`.
-- The foreign key's check takes `for key share`, which does not conflict with that. Functions that
-- touch several tickets lock them in the order of their ids, so that two of them do not deadlock.
-- After a lock comes a new statement, whose snapshot includes what was committed during the wait.
--
-- Functions that write are `security definer` with a pinned search_path, as in 0006: a platform's
-- role that may insert messages needs no rights on tickets.

-- step: columns_and_triggers
-- Locks both tables for some milliseconds: no column needs a rewrite.

lock table tickets, ticket_messages in access exclusive mode;

alter table tickets
    -- the highest ordinal that was given; it stays where messages are deleted
    add column last_ordinal integer not null default 0,
    -- each side's mark: the ordinal up to which it was shown every message; with the flag clear,
    -- everything counts as shown
    add column user_seen integer not null default 0,
    add column admin_seen integer not null default 0,
    -- since when the customer has been waiting for an answer
    add column waiting_since timestamptz,
    -- the closed ticket that this one continues; without a foreign key, as it may be deleted
    add column follows integer;

alter table ticket_messages
    add column ordinal integer;

create function ticket_message_preview(message text) returns text
    language sql
    immutable
as $$
    select case
               when char_length(message) > 100 then left(message, 100) || chr(8230)
               else message
           end
$$;

-- Numbers the messages of these tickets that have no ordinal, each ticket's oldest first, and
-- updates the tickets. Messages are counted: the previous release has counted its own already.
create function ticket_threads_grow(grown integer[]) returns void
    language plpgsql
as $$
begin
    perform from tickets t where t.id = any (grown) order by t.id for no key update;

    with numbered as (
        update ticket_messages m
           set ordinal = place.ordinal
          from (
                   select m.id,
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
        returning m.ticket_id, m.ordinal, m.sender_type, m.created_at,
                  left(m.message, 101) as beginning
    ), answered as (
        select ticket_id, ordinal, sender_type, created_at, beginning,
               coalesce(max(ordinal) filter (where sender_type = 'admin')
                            over (partition by ticket_id), 0) as answer
          from numbered
    ), growth as (
        select ticket_id, answer,
               max(ordinal) as last_ordinal,
               (array_agg(beginning order by ordinal desc))[1] as newest,
               min(ordinal) filter (where sender_type = 'user') as first_of_user,
               min(ordinal) filter (where sender_type = 'admin') as first_of_admins,
               min(created_at) filter (where sender_type = 'user' and ordinal > answer)
                   as unanswered_since
          from answered
         group by ticket_id, answer
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
           -- a user's message sets it, an admin's clears it; nobody waits in a closed ticket
           waiting_since = case
               when t.status = 'closed' then null
               when growth.answer = 0 and t.waiting_since is not null then t.waiting_since
               else growth.unanswered_since
           end
      from growth
     where t.id = growth.ticket_id;
end
$$;

-- Updates a ticket that has lost messages: these customer messages, by ordinal, and answers up to
-- this one. A deleted answer leaves its question open again, unless the ticket is resolved.
create function ticket_thread_shrink(
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
           last_message = coalesce((
               select ticket_message_preview(m.message)
                 from ticket_messages m
                where m.ticket_id = shrunk_ticket
                -- without ordinals only while this migration fills them in
                order by m.ordinal desc nulls first, m.created_at desc, m.id desc
                limit 1
           ), ''),
           waiting_since = waiting
     where t.id = shrunk_ticket;
end
$$;

-- Whether this is a row trigger's first call for a statement; then it handles all of its rows. So a
-- trigger with a condition costs nothing where no row fulfils it, and still works by statements.
-- `statement` is something that only one statement of this transaction has at this depth of
-- triggers; a statement within a trigger has another depth.
create function ticket_statement_begins(kind text, statement text) returns boolean
    language plpgsql
as $$
declare
    setting constant text := format('tickets.%s_at_%s', kind, pg_trigger_depth());
begin
    if current_setting(setting, true) is not distinct from statement then
        return false;
    end if;
    perform set_config(setting, statement, true);
    return true;
end
$$;

-- Few messages are numbered with the session's plan: planning takes five times as long. Many are
-- planned for, as the session may have made its plan while the tables were empty.
create function ticket_messages_appear() returns trigger
    language plpgsql
    security definer
    set plan_cache_mode = force_generic_plan
as $$
declare
    first_id text;
begin
    select id into first_id from added limit 1;
    if ticket_statement_begins('messages', first_id) then
        if (select count(*) from added) > 100 then
            set local plan_cache_mode = force_custom_plan;
        end if;
        perform ticket_threads_grow(
            array(select distinct ticket_id from added where ordinal is null));
    end if;
    return null;
end
$$;

create function ticket_messages_disappear() returns trigger
    language plpgsql
    security definer
as $$
declare
    shrunk record;
begin
    -- a message may come back with its id in this transaction
    perform ticket_statement_begins('messages', '');
    -- Tickets that are gone too, as in a cascade, are left out at once. Planned at each call, for
    -- one row or a million.
    for shrunk in execute $statement$
        select ticket_id,
               array_agg(ordinal order by ordinal) filter (where sender_type = 'user')
                   as lost_questions,
               array_agg(created_at order by ordinal) filter (where sender_type = 'user')
                   as lost_times,
               max(ordinal) filter (where sender_type = 'admin') as lost_answer
          from removed
         where ticket_id in (select id from tickets)
         group by ticket_id
         order by ticket_id
    $statement$ loop
        perform ticket_thread_shrink(
            shrunk.ticket_id, shrunk.lost_questions, shrunk.lost_times, shrunk.lost_answer);
    end loop;
    return null;
end
$$;

create function ticket_messages_vanish() returns trigger
    language plpgsql
    security definer
as $$
begin
    perform ticket_statement_begins('messages', '');
    update tickets set message_count = 0, last_message = '', waiting_since = null
     where message_count > 0;
    return null;
end
$$;

-- A message that is given to another ticket gets an ordinal there.
create function ticket_messages_leave() returns trigger
    language plpgsql
as $$
begin
    new.ordinal := null;
    return new;
end
$$;

create function ticket_messages_change() returns trigger
    language plpgsql
    security definer
as $$
declare
    newest integer;
begin
    perform from tickets where id in (old.ticket_id, new.ticket_id) order by id for no key update;
    if old.ticket_id <> new.ticket_id then
        perform ticket_thread_shrink(
            old.ticket_id,
            case when old.sender_type = 'user' then array[old.ordinal] end,
            case when old.sender_type = 'user' then array[old.created_at] end,
            case when old.sender_type = 'admin' then old.ordinal end);
        perform from ticket_messages where id = new.id and ordinal is null;
        if found then
            perform ticket_threads_grow(array[new.ticket_id]);
        end if;
        return null;
    end if;

    select m.id
      into newest
      from ticket_messages m
     where m.ticket_id = new.ticket_id
     order by m.ordinal desc nulls first, m.created_at desc, m.id desc
     limit 1;
    if newest = new.id then
        update tickets set last_message = ticket_message_preview(new.message)
         where id = new.ticket_id;
    end if;
    return null;
end
$$;

-- A program that clears a flag has shown everything; so has one that sets it with a new message of
-- which the ticket does not yet know the ordinal, but for that message. One that resolves or closes
-- a ticket ends the wait. This release writes these columns itself: nothing changes for its writes.
create function ticket_marks_follow() returns trigger
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
    if new.status <> old.status and new.status in ('resolved', 'closed') then
        new.waiting_since := null;
    end if;
    return new;
end
$$;

-- Tickets are counted once per statement. One by one, a statement would update one counter as often
-- as it has rows, and each of these updates would pass by all earlier versions of the counter.
create function ticket_counts_add() returns trigger
    language plpgsql
    security definer
as $$
begin
    insert into ticket_counts as c (slot, status, category, total, admin_unread)
    select pg_backend_pid(), status, category, count(*), count(*) filter (where admin_unread)
      from added
     group by status, category
        on conflict on constraint ticket_counts_pkey
        do update
       set total = c.total + excluded.total,
           admin_unread = c.admin_unread + excluded.admin_unread;
    return null;
end
$$;

create function ticket_counts_subtract() returns trigger
    language plpgsql
    security definer
as $$
begin
    -- a ticket may come back with its id and version in this transaction
    perform ticket_statement_begins('tickets', '');
    insert into ticket_counts as c (slot, status, category, total, admin_unread)
    select pg_backend_pid(), status, category, -count(*), -count(*) filter (where admin_unread)
      from removed
     group by status, category
        on conflict on constraint ticket_counts_pkey
        do update
       set total = c.total + excluded.total,
           admin_unread = c.admin_unread + excluded.admin_unread;
    return null;
end
$$;

-- An update remains a row trigger with a condition: a statement trigger costs each reply a tenth of
-- its time, also where nothing changes that is counted. No two statements have the same first row's
-- id and version.
create function ticket_counts_move() returns trigger
    language plpgsql
    security definer
as $$
declare
    first_version text;
begin
    select id || ' ' || version into first_version from added limit 1;
    if not ticket_statement_begins('tickets', first_version) then
        return null;
    end if;
    insert into ticket_counts as c (slot, status, category, total, admin_unread)
    select pg_backend_pid(), status, category, sum(n), sum(n * admin_unread::integer)
      from (
               select status, category, admin_unread, 1 as n from added
                union all
               select status, category, admin_unread, -1 from removed
           ) as change
     group by status, category
    having sum(n) <> 0 or sum(n * admin_unread::integer) <> 0
        on conflict on constraint ticket_counts_pkey
        do update
       set total = c.total + excluded.total,
           admin_unread = c.admin_unread + excluded.admin_unread;
    return null;
end
$$;

-- `delete` would keep what its snapshot does not include: the sums of a job that folds counts at
-- the same time, and in a repeatable-read transaction whatever was committed since it began.
create or replace function ticket_counts_forget() returns trigger
    language plpgsql
    security definer
as $$
begin
    perform ticket_statement_begins('tickets', '');
    truncate ticket_counts;
    return null;
end
$$;

-- Fills the new columns of the next `size` tickets after the id `last`; returns the last of them,
-- null where there are none.
create function ticket_threads_fill(last bigint, size integer) returns bigint
    language plpgsql
    set row_security = off
    -- less than `deadlock_timeout`: whoever waits for this one is not aborted
    set lock_timeout = '500ms'
as $$
declare
    batch integer[];
    pause text[];
    resume text[];
    command text;
begin
    -- The platform's own triggers are not meant for this: one that stamps `updated_at` would mark
    -- every ticket as changed today. They are put back before the batch ends, and other sessions,
    -- which wait for that long, do not see a change.
    select array_agg(format('alter table %s disable trigger %I', tgrelid::regclass, tgname)),
           array_agg(format('alter table %s enable %s trigger %I', tgrelid::regclass,
                            case tgenabled when 'A' then 'always' end, tgname))
      into pause, resume
      from pg_trigger
      join pg_proc on pg_proc.oid = tgfoid
     where tgrelid in ('tickets'::regclass, 'ticket_messages'::regclass)
       and not tgisinternal
       and tgenabled in ('O', 'A')
       and proname not in (
               'ticket_messages_appear', 'ticket_messages_disappear', 'ticket_messages_vanish',
               'ticket_messages_leave', 'ticket_messages_change', 'ticket_marks_follow',
               'ticket_counts_add',
               'ticket_counts_subtract', 'ticket_counts_move', 'ticket_counts_forget',
               'ticket_badges_tell', 'ticket_versions_rise', 'ticket_versions_end'
           );
    if pause is not null then
        lock table tickets, ticket_messages in share row exclusive mode;
        foreach command in array pause loop
            execute command;
        end loop;
    end if;

    select array_agg(id order by id)
      into batch
      from (
               select id from tickets where id > last order by id limit size for no key update
           ) as locked;

    -- a ticket that got a message since the triggers exist has its ordinals already
    update ticket_messages m
       set ordinal = place.ordinal
      from (
               select m.id,
                      t.last_ordinal
                      + row_number() over (partition by t.id order by m.created_at, m.id)
                          as ordinal
                 from tickets t
                 join ticket_messages m on m.ticket_id = t.id
                where t.id = any (batch)
                  and m.ordinal is null
           ) as place
     where m.id = place.id;

    update tickets t
       set last_ordinal = thread.last_ordinal,
           -- another program's messages were not counted before
           message_count = thread.message_count,
           last_message = (
               select ticket_message_preview(m.message)
                 from ticket_messages m
                where m.ticket_id = t.id and m.ordinal = thread.last_ordinal
           ),
           -- Where the flag is set, all that follows the reader's own last message is unread. At
           -- most 200: a page of the previous release shows no more, and must be able to clear it.
           user_seen = case
               when t.user_unread then greatest(thread.user_wrote, thread.last_ordinal - 200)
               else thread.last_ordinal
           end,
           admin_seen = case
               when t.admin_unread then greatest(thread.admin_wrote, thread.last_ordinal - 200)
               else thread.last_ordinal
           end,
           waiting_since = case
               when t.status = 'closed' then null
               -- changed after its last message: it was resolved after that
               when t.status = 'resolved' and t.updated_at > thread.latest then null
               else (
                   select m.created_at
                     from ticket_messages m
                    where m.ticket_id = t.id
                      and m.sender_type = 'user'
                      and m.ordinal > thread.admin_wrote
                    order by m.ordinal
                    limit 1
               )
           end
      from (
               select ticket_id,
                      count(*) as message_count,
                      max(ordinal) as last_ordinal,
                      coalesce(max(ordinal) filter (where sender_type = 'user'), 0) as user_wrote,
                      coalesce(max(ordinal) filter (where sender_type = 'admin'), 0)
                          as admin_wrote,
                      max(created_at) as latest
                 from ticket_messages
                where ticket_id = any (batch)
                group by ticket_id
           ) as thread
     where t.id = thread.ticket_id;

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
        'ticket_messages_appear()', 'ticket_messages_disappear()', 'ticket_messages_vanish()',
        'ticket_messages_change()', 'ticket_counts_add()', 'ticket_counts_subtract()',
        'ticket_counts_move()', 'ticket_counts_forget()'
    ] loop
        execute format('alter function %s set search_path = %s, pg_temp', pinned, schemas);
    end loop;
end
$$;

-- Conditions are parsed for each statement, so they are short.
create trigger ticket_messages_appear
    after insert on ticket_messages
    referencing new table as added
    for each row
    when (new.ordinal is null)
    execute function ticket_messages_appear();

create trigger ticket_messages_disappear
    after delete on ticket_messages
    referencing old table as removed
    for each statement execute function ticket_messages_disappear();

create trigger ticket_messages_vanish
    after truncate on ticket_messages
    for each statement execute function ticket_messages_vanish();

create trigger ticket_messages_leave
    before update on ticket_messages
    for each row
    when (old.ticket_id <> new.ticket_id)
    execute function ticket_messages_leave();

create trigger ticket_messages_change
    after update on ticket_messages
    for each row
    when (old.message <> new.message or old.ticket_id <> new.ticket_id)
    execute function ticket_messages_change();

create trigger ticket_marks_follow
    before update on tickets
    for each row
    when (old.user_unread <> new.user_unread or old.admin_unread <> new.admin_unread
          or old.status <> new.status)
    execute function ticket_marks_follow();

drop trigger ticket_counts_appear on tickets;
drop trigger ticket_counts_move on tickets;
drop function ticket_counts_follow();

create trigger ticket_counts_appear
    after insert on tickets
    referencing new table as added
    for each statement execute function ticket_counts_add();

create trigger ticket_counts_disappear
    after delete on tickets
    referencing old table as removed
    for each statement execute function ticket_counts_subtract();

create trigger ticket_counts_move
    after update on tickets
    referencing old table as removed new table as added
    for each row
    when (old.status <> new.status or old.category <> new.category
          or old.admin_unread <> new.admin_unread)
    execute function ticket_counts_move();

-- step: fill, in batches
select ticket_threads_fill(:after, :size);

-- step: index_ordinals, concurrently
-- a thread in the order in which it is read, and the guard of ordinals
create unique index concurrently ticket_messages_in_order on ticket_messages (ticket_id, ordinal);

-- step: drop_index_of_times, concurrently
-- the index above serves its look-ups
drop index concurrently if exists ticket_messages_of_ticket;

-- step: index_follow_ups, concurrently
-- the tickets that continue a closed one
create index concurrently tickets_by_followed on tickets (follows) where follows is not null;

-- step: drop_fill
drop function ticket_threads_fill(bigint, integer);
