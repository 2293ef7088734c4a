-- Each bearer token gets a handle, so that it can be listed and revoked without anybody seeing the token or its hash.
--
-- Runs before the code that needs it; code that does not know the column is not disturbed. Tokens that are there get
-- their ids in no particular order: nobody has seen one yet. For that the table is written anew under a lock, which is
-- short, as it has a row per sign-in that still counts, and not one per ticket.

-- Always generated: an id that somebody has written down must never come to mean another token.
alter table ticket_tokens
    add column id integer generated always as identity,
    add constraint ticket_tokens_id_unique unique (id);
