-- What the benchmark asks of the databases that it makes.

-- name: shape
-- Say what `data.sql` is to make.
select set_config('bench.' || setting, value, false)
  from unnest($1::text[], $2::text[]) as shape (setting, value);

-- name: tokens
-- A token for every user that lasts longer than any cache of this data is kept.
insert into ticket_tokens (token_sha256, user_id, expires_at)
select sha256(('bench-' || id)::bytea), id, now() + interval '10 years' from users;

-- name: figures
-- What was made.
select (select count(*) from users) as users,
       (select count(*) from tickets) as tickets,
       (select count(*) from ticket_messages) as messages,
       (select count(*) from tickets where status <> 'closed') as not_closed,
       (select count(*) from tickets where user_unread or admin_unread) as unread,
       (select max(n) from (select count(*) as n from tickets group by user_id) as t) as most_tickets_of_a_user,
       (select max(message_count) from tickets) as longest_thread,
       pg_size_pretty(pg_database_size(current_database())) as size;

-- name: users
-- Anybody.
select id from users order by hashint4(id) limit $1;

-- name: users_with_a_full_page
-- Users whose first page of fifty is full, but not those with thousands of tickets.
select user_id from tickets group by user_id having count(*) between 51 and 200 order by hashint4(user_id) limit $1;

-- name: read_tickets
-- Tickets with four messages, in which nothing is unread: with their users.
select id, user_id from tickets
 where message_count = 4 and not user_unread and not admin_unread
 order by hashint4(id) limit $1;

-- name: writable_tickets
-- A ticket that takes a reply of each of so many users, so that nobody comes near the limits of one user.
select id, user_id
  from (select distinct on (user_id) id, user_id from tickets where status <> 'closed' order by user_id, id) as t
 order by hashint4(id) limit $1;

-- name: mark_unread
-- As if the admins had just written in these.
update tickets set user_unread = true where id = any($1::integer[]) and not user_unread;

-- name: rest_limits
-- Give back to whoever has used half of a limit, as if it had been some time ago: in many rounds, or on a fast machine, somebody
-- would come to the end of one. Nobody else's row is touched, as an update would leave something behind on each page.
update ticket_rates set arrival = clock_timestamp() where arrival > clock_timestamp() + tolerance / 2;
