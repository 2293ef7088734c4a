-- Sees to it that a ticket's version never means two states, whatever writes: an older release, a script of the platform's, somebody
-- at a console. The service saves what it has decided only if the version is still the one that it has decided on, and may have
-- decided on what it remembers. May run while any release of the service is at work.

-- A change that leaves the version as it is, or sets it back, as a copy of an older state does, gets the next one. The service raises it
-- by itself, for which nothing is called.
create function ticket_versions_rise() returns trigger
    language plpgsql
as $$
begin
    new.version := old.version + 1;
    return new;
end
$$;

create trigger ticket_versions_rise
    before update on tickets
    for each row
    when (new.version <= old.version)
    execute function ticket_versions_rise();

-- A ticket that is gone may come back with its id and another state, by hand or from a copy. That is rare, so who listens is told to
-- forget all tickets: as in 0007, nothing behind the kind is everything.
create function ticket_versions_end() returns trigger
    language plpgsql
as $$
begin
    perform pg_catalog.pg_notify('tickets_changes', 'ticket:');
    return null;
end
$$;

create trigger ticket_versions_end
    after delete or truncate on tickets
    for each statement execute function ticket_versions_end();
