-- Adds the desk of a team: named admins, assignees, events, notes, saved replies, and the outbox.
--
-- previous release: may serve
--
-- Events are written by the statement of the change. This release counts them up in
-- `tickets.events_recorded`; where a change leaves that as it is, another program or the previous
-- release made it, and triggers record the event, without an author.

-- step: tables

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
    ticket_id integer not null references tickets (id) on delete cascade,
    admin_id integer,                    -- null for the shared token
    admin_name varchar(100),
    note text not null,
    created_at timestamptz not null
);

create index ticket_notes_of_ticket on ticket_notes (ticket_id, id);

create table ticket_events (
    id bigint generated always as identity primary key,
    ticket_id integer not null references tickets (id) on delete cascade,
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

-- step: columns

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
