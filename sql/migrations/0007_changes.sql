-- Tells who listens that something has changed which a process may remember: a user's badge, or who holds a token.
--
-- Runs before the code that needs it; nobody has to listen. Triggers, so that whatever writes is heard of: this version, an older
-- one, the platform itself. They run only where a flag of a user's really changes: not for a ticket that is opened, and
-- not for the second answer to a user who has not read the first. A notification takes a lock of the whole server while its
-- transaction commits, which is why nothing is sent that nobody would have to know.
--
-- What is sent over the channel `tickets_changes` is `badge:` and the user's id, or `token:` and the token's SHA-256 in
-- hexadecimal digits, or either with nothing behind it, which means all of them.

create function ticket_badges_tell() returns trigger
    language plpgsql
as $$
begin
    if tg_op = 'TRUNCATE' then
        perform pg_catalog.pg_notify('tickets_changes', 'badge:');
        return null;
    end if;
    if tg_op <> 'INSERT' then
        perform pg_catalog.pg_notify('tickets_changes', 'badge:' || old.user_id);
    end if;
    -- the same twice in one transaction is sent once
    if tg_op <> 'DELETE' then
        perform pg_catalog.pg_notify('tickets_changes', 'badge:' || new.user_id);
    end if;
    return null;
end
$$;

create function ticket_tokens_tell() returns trigger
    language plpgsql
as $$
begin
    if tg_op = 'TRUNCATE' then
        perform pg_catalog.pg_notify('tickets_changes', 'token:');
    else
        perform pg_catalog.pg_notify('tickets_changes', 'token:' || pg_catalog.encode(old.token_sha256, 'hex'));
    end if;
    return null;
end
$$;

create trigger ticket_badges_appear
    after insert on tickets
    for each row
    when (new.user_unread)
    execute function ticket_badges_tell();

create trigger ticket_badges_move
    after update on tickets
    for each row
    when (old.user_unread <> new.user_unread or old.user_unread and old.user_id <> new.user_id)
    execute function ticket_badges_tell();

create trigger ticket_badges_disappear
    after delete on tickets
    for each row
    when (old.user_unread)
    execute function ticket_badges_tell();

create trigger ticket_badges_vanish
    after truncate on tickets
    for each statement execute function ticket_badges_tell();

-- a token that appears is not remembered by anybody
create trigger ticket_tokens_move
    after update or delete on ticket_tokens
    for each row execute function ticket_tokens_tell();

create trigger ticket_tokens_vanish
    after truncate on ticket_tokens
    for each statement execute function ticket_tokens_tell();
