-- Gives a ticket another version whatever changes it: an older release, a script of the platform's, somebody at a console.
--
-- The service raises the version itself, and saves what it has decided only if the version is still the one that it has
-- decided on. A change that left the version as it is would be overwritten by that, without anybody noticing. May run while
-- any release of the service is at work.

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
    when (new.version = old.version)
    execute function ticket_versions_rise();
