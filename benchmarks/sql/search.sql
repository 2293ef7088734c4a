-- What `benchmarks.search` adds to a copy of L.

-- name: rare_words
-- Words that stand in one message each of so many tickets, spread over all of them.
insert into ticket_messages (ticket_id, sender_type, message, created_at)
select t.id, 'admin', 'Please look at the ' || word || ' once more, then tell us.', t.updated_at
  from (
           values ('onyx', 7), ('quartz', 90), ('zephyr', 900), ('marble', 4500)
       ) as w (word, hits)
 cross join lateral (
           select id, updated_at from tickets t where t.id % (1000000 / hits) = 3 limit hits
       ) as t;

-- name: crowded_user
-- The user with the most messages, and how many they are.
select t.user_id, sum(t.message_count)::integer as messages
  from tickets t
 group by t.user_id
 order by messages desc, t.user_id
 limit 1;

-- name: index_sizes
-- The sizes of the search's indexes, in megabytes.
select c.relname as name, pg_relation_size(c.oid) / 1048576 as megabytes
  from pg_class c
 where c.relname in ('ticket_messages_search', 'tickets_search', 'ticket_notes_search')
 order by c.relname;
