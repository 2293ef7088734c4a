-- The figures of section 10, kept as tickets change, so that they cost the same however many tickets there are.
--
-- Runs before the code that needs it; whatever writes tickets, this version, an older one or the platform, is counted by triggers. They
-- run only where something changes that is counted: not for the second reply in a row, and not when a user reads.
--
-- One row per figure would make all writers queue for it. So each server process of PostgreSQL counts up and down in rows of
-- its own (`slot` is its pid), which nobody else writes, and the figures are sums over the slots. The running service folds them into
-- slot 0 every few minutes, which bounds how many there are.

create table ticket_counts (
    slot integer not null,
    status varchar(20) not null,
    category varchar(50) not null,
    total bigint not null,         -- a slot's share, which may be below zero
    admin_unread bigint not null,
    constraint ticket_counts_pkey primary key (slot, status, category)
) with (fillfactor = 50);          -- room for the next version of a row beside it

-- With the rights of whoever migrates, as a platform's role that may write tickets need not know that they are counted.
create function ticket_counts_follow() returns trigger
    language plpgsql
    security definer
as $$
begin
    if tg_op = 'UPDATE' and old.status = new.status and old.category = new.category then
        insert into ticket_counts as c (slot, status, category, total, admin_unread)
        values (pg_backend_pid(), new.status, new.category, 0, new.admin_unread::integer - old.admin_unread::integer)
            on conflict on constraint ticket_counts_pkey
            do update set admin_unread = c.admin_unread + excluded.admin_unread;
        return null;
    end if;
    if tg_op <> 'INSERT' then
        insert into ticket_counts as c (slot, status, category, total, admin_unread)
        values (pg_backend_pid(), old.status, old.category, -1, -old.admin_unread::integer)
            on conflict on constraint ticket_counts_pkey
            do update set total = c.total - 1, admin_unread = c.admin_unread + excluded.admin_unread;
    end if;
    if tg_op <> 'DELETE' then
        insert into ticket_counts as c (slot, status, category, total, admin_unread)
        values (pg_backend_pid(), new.status, new.category, 1, new.admin_unread::integer)
            on conflict on constraint ticket_counts_pkey
            do update set total = c.total + 1, admin_unread = c.admin_unread + excluded.admin_unread;
    end if;
    return null;
end
$$;

create function ticket_counts_forget() returns trigger
    language plpgsql
    security definer
as $$
begin
    delete from ticket_counts;
    return null;
end
$$;

-- Who runs with another's rights looks names up where that one put them, and nowhere else.
do $$
begin
    execute format('alter function ticket_counts_follow() set search_path = %I, pg_temp', current_schema());
    execute format('alter function ticket_counts_forget() set search_path = %I, pg_temp', current_schema());
end
$$;

-- The triggers come before the rows are counted, and hold writers off until this is committed: nothing is missed or counted twice.
create trigger ticket_counts_appear
    after insert or delete on tickets
    for each row execute function ticket_counts_follow();

create trigger ticket_counts_move
    after update on tickets
    for each row
    when (old.status <> new.status or old.category <> new.category or old.admin_unread <> new.admin_unread)
    execute function ticket_counts_follow();

create trigger ticket_counts_vanish
    after truncate on tickets
    for each statement execute function ticket_counts_forget();

insert into ticket_counts (slot, status, category, total, admin_unread)
select 0, status, category, count(*), count(*) filter (where admin_unread)
  from tickets
 group by status, category;
