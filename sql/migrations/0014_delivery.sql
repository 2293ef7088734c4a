-- Adds what draining the outbox needs: outcomes, webhooks' secrets, mail preferences and limits.
--
-- previous release: may serve
--
-- The outbox is empty until a channel is switched on, so nothing here takes long.

alter table ticket_channels
    -- of a webhook its signing secret; of mail the key of its signed links
    add column secret text,
    add column previous_secret text,
    add column previous_secret_until timestamptz,
    -- A stopped channel is recorded but not sent, where a disabled one is not even recorded.
    add column stopped_at timestamptz,
    add column stopped_because text,
    add column failing_since timestamptz;

create unique index ticket_channels_targets on ticket_channels (channel, target);

alter table ticket_deliveries
    -- null while it waits: sent, skipped, expired, failed, held or parked
    add column outcome varchar(20),
    add column closed_at timestamptz,
    -- attempts whose result is not known, as the connection broke before the answer
    add column unconfirmed smallint not null default 0;

-- A lease changes no index, so it is a HOT update where the page has room.
alter table ticket_deliveries set (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 0
);

-- Claims read undelivered rows alone, however many delivered ones there are.
create index ticket_deliveries_due on ticket_deliveries (channel, target, due_at, id)
 where outcome is null;

create index ticket_deliveries_waiting on ticket_deliveries (target, ticket_id, id)
 where outcome is null;

-- Whose mail a delivery is when it is claimed: a customer's, an assignee's, or the team's. Who gets
-- the mail is decided anew when it is sent.
create function ticket_mail_recipient(target text, body jsonb) returns text
    language sql immutable parallel safe
as $$
    select case target
               when 'customer' then body #>> '{ticket,user_id}'
               else coalesce(body #>> '{ticket,assignee,id}', '')
           end
$$;

create index ticket_deliveries_by_recipient
    on ticket_deliveries (target, ticket_mail_recipient(target, body))
 where outcome is null and channel = 'mail';

create index ticket_deliveries_parked on ticket_deliveries (channel, target)
 where outcome = 'parked';

create index ticket_deliveries_closed on ticket_deliveries (closed_at)
 where outcome is not null;

-- Customers who want no mail.
create table ticket_mail_unsubscribed (
    user_id integer primary key,
    at timestamptz not null default now()
);

-- Addresses that mail servers refused, in lower case; suspended after the second refusal.
create table ticket_mail_refusals (
    address text primary key,
    refusals integer not null,
    last_error text not null,
    suspended_at timestamptz
);

-- How many mails a day were sent about a ticket, or to an address (its SHA-256).
create table ticket_mail_counts (
    subject text not null,
    day date not null,
    sent integer not null,
    primary key (subject, day)
);
