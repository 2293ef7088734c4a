-- The keys of requests that take effect once, with what they were answered.
--
-- Runs before the code that needs it. A row is written by the statement of the change that it stands for, so there is
-- never one without the other; the primary key is what makes the second of two equal requests fail as a whole. Rows are
-- read for a day, and then removed by the running service.

create table ticket_idempotency_keys (
    caller text not null,            -- whose key it is: `user:7`, or `admin` for the team, whose members are not told apart
    key text not null,               -- the Idempotency-Key, as the caller made it up
    fingerprint bytea not null,      -- SHA-256 of everything that was asked
    answer jsonb not null,           -- what the use case returned: it holds people's texts, as the tickets themselves do
    recorded_at timestamptz not null,
    constraint ticket_idempotency_keys_pkey primary key (caller, key),
    constraint ticket_idempotency_keys_sha256_length check (octet_length(fingerprint) = 32)
);

-- what is past its day, oldest first (forget_keys)
create index ticket_idempotency_keys_by_age on ticket_idempotency_keys (recorded_at);
