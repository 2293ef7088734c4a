-- The queries of the benchmark itself.

-- name: shape
-- Set the shape of the data that `data.sql` creates.
select set_config('bench.' || setting, value, false)
  from unnest($1::text[], $2::text[]) as shape (setting, value);

-- name: tokens
-- A token for every user, valid for longer than the data is reused.
insert into ticket_tokens (token_sha256, user_id, expires_at)
select sha256(('bench-' || id)::bytea), id, now() + interval '10 years' from users;

-- name: figures
-- Counts of what was created.
select (select count(*) from users) as users,
       (select count(*) from tickets) as tickets,
       (select count(*) from ticket_messages) as messages,
       (select count(*) from tickets where status <> 'closed') as not_closed,
       (select count(*) from tickets where user_unread or admin_unread) as unread,
       (select max(n) from (select count(*) as n from tickets group by user_id) as t)
           as most_tickets_of_a_user,
       (select max(message_count) from tickets) as longest_thread,
       pg_size_pretty(pg_database_size(current_database())) as size;

-- name: users
-- Users, in a scattered order.
select id from users order by hashint4(id) limit $1;

-- name: users_with_a_full_page
-- Users whose first page of fifty is full, without those who have thousands of tickets.
select user_id from tickets group by user_id having count(*) between 51 and 200
 order by hashint4(user_id) limit $1;

-- name: read_tickets
-- Tickets with four messages and nothing unread, with their users.
select id, user_id from tickets
 where message_count = 4 and not user_unread and not admin_unread
 order by hashint4(id) limit $1;

-- name: writable_tickets
-- One open ticket per user: with so many users, none reaches a rate limit.
select id, user_id
  from (
           select distinct on (user_id) id, user_id
             from tickets
            where status <> 'closed'
            order by user_id, id
       ) as t
 order by hashint4(id) limit $1;

-- name: mark_unread
-- Mark these tickets as unread by their users, as a reply of an admin does.
update tickets set user_unread = true where id = any($1::integer[]) and not user_unread;

-- name: tickets_outside_the_mix
-- Closed tickets that no operation requests, of different users.
select min(id) as id, user_id from tickets
 where status = 'closed' and message_count = 5
 group by user_id
 order by user_id desc
 limit $1;

-- name: lengthen_thread
-- Give a ticket as many messages as a thread may have, each with the longest text.
insert into ticket_messages (ticket_id, sender_type, sender_id, message, created_at)
select t.id, 'user', t.user_id, repeat(chr(128512 + n % 50), 5000), t.updated_at
  from tickets t
 cross join generate_series(t.message_count + 1, 10000) n
 where t.id = $1;

-- name: rest_limits
-- Reset the rate limits that are more than half used: in many rounds, or on a fast machine,
-- a user would reach one. Other rows stay, as an update would leave a dead row on each page.
update ticket_rates set arrival = clock_timestamp()
 where arrival > clock_timestamp() + tolerance / 2;
