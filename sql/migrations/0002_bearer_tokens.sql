-- The service's own bearer tokens, for platforms whose `sessions` table it does not read.
--
-- Runs before the code that needs it. Only the SHA-256 of a token is kept: who reads the table cannot sign in with it,
-- and 256 random bits need no salt and no slow hash.

create table ticket_tokens (
    token_sha256 bytea primary key,
    user_id integer not null references users (id) on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    constraint ticket_tokens_sha256_length check (octet_length(token_sha256) = 32)
);

-- a user's tokens, and the foreign key
create index ticket_tokens_of_user on ticket_tokens (user_id);
