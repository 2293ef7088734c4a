-- Searches subjects, messages and notes by full text. A query collects matches, at most :most
-- of each kind, and returns a page of their tickets, newest first. A row of the page is `{"row",
-- "field", "text"}`: the ticket as in a list, and the text where the query was found.

-- name: everywhere
-- Tickets of all users, by number, address, subject, messages and notes. An `offset 0` keeps the
-- planner from reading a table by its ids, in the hope to meet enough matches soon.
with wanted as materialized (
    select ticket_search_query(ticket_search_text(:words)) as query
), subject as materialized (
    select ticket_id, 3 as kind, 'subject' as field, 0 as text_id
      from (
               select t.id as ticket_id
                 from tickets t
                where ticket_search_vector(ticket_search_text(t.subject))
                      @@ (select query from wanted)
               offset 0
           ) as each_match
     order by ticket_id desc
     limit :most + 1
), message as materialized (
    select ticket_id, 4 as kind, 'message' as field, text_id
      from (
               select m.ticket_id, m.id as text_id
                 from ticket_messages m
                where ticket_search_vector(ticket_search_text(m.message))
                      @@ (select query from wanted)
               offset 0
           ) as each_match
     order by text_id desc
     limit :most + 1
), note as materialized (
    select ticket_id, 5 as kind, 'note' as field, text_id
      from (
               select n.ticket_id, n.id as text_id
                 from ticket_notes n
                where ticket_search_vector(ticket_search_text(n.note))
                      @@ (select query from wanted)
               offset 0
           ) as each_match
     order by text_id desc
     limit :most + 1
), email as materialized (
    -- include: found_by_address
), found as (
    -- include: found_number
     union all
    (select ticket_id, kind, field, text_id from email limit :most)
     union all
    (select ticket_id, kind, field, text_id from subject limit :most)
     union all
    (select ticket_id, kind, field, text_id from message limit :most)
     union all
    (select ticket_id, kind, field, text_id from note limit :most)
)
select page.rows, page.more, page.last_updated_at, page.last_id,
       counted.most > :most as is_truncated
  from (
           -- include: found_page
             from (
                      -- include: found_admin_rows
                  ) as listed
       ) as page
 cross join (
           select greatest(
                      (select count(*) from email), (select count(*) from subject),
                      (select count(*) from message), (select count(*) from note)
                  ) as most
       ) as counted;

-- name: everywhere_recent
-- The same among the newest :looked_at subjects, messages and notes, without their indexes: for
-- words that are in a large part of all texts, whose matches take too long to collect.
with wanted as materialized (
    select ticket_search_query(ticket_search_text(:words)) as query
), subject as materialized (
    select t.id as ticket_id, 3 as kind, 'subject' as field, 0 as text_id
      from (select id, subject from tickets order by id desc limit :looked_at) as t
     where ticket_search_matches(t.subject, (select query from wanted), :needle)
     limit :most
), message as materialized (
    select m.ticket_id, 4 as kind, 'message' as field, m.id as text_id
      from (
               select id, ticket_id, message from ticket_messages order by id desc limit :looked_at
           ) as m
     where ticket_search_matches(m.message, (select query from wanted), :needle)
     limit :most
), note as materialized (
    select n.ticket_id, 5 as kind, 'note' as field, n.id as text_id
      from (select id, ticket_id, note from ticket_notes order by id desc limit :looked_at) as n
     where ticket_search_matches(n.note, (select query from wanted), :needle)
     limit :most
), email as materialized (
    -- include: found_by_address
), found as (
    -- include: found_number
     union all
    (select ticket_id, kind, field, text_id from email limit :most)
     union all
    (select ticket_id, kind, field, text_id from subject limit :most)
     union all
    (select ticket_id, kind, field, text_id from message limit :most)
     union all
    (select ticket_id, kind, field, text_id from note limit :most)
)
select page.rows, page.more, page.last_updated_at, page.last_id, true as is_truncated
  from (
           -- include: found_page
             from (
                      -- include: found_admin_rows
                  ) as listed
       ) as page;

-- name: own
-- A user's own tickets, by number, subject and messages: subjects and messages of the user's newest
-- tickets are looked through, :looked_at messages at most. Not by the indexes: how long they take
-- depends on what others have written, notes included.
with wanted as materialized (
    select ticket_search_query(ticket_search_text(:words)) as query
), own as materialized (
    select t.id, t.subject, t.updated_at
      from tickets t
     where t.user_id = :user_id
     order by t.updated_at desc, t.id desc
     limit :looked_at
), text as materialized (
    select m.id, m.ticket_id, m.message
      from own
     cross join lateral (
               select m.id, m.ticket_id, m.message
                 from ticket_messages m
                where m.ticket_id = own.id
                order by m.ordinal desc
           ) as m
     limit :looked_at
), subject as (
    select own.id as ticket_id, 3 as kind, 'subject' as field, 0 as text_id
      from own
     where ticket_search_matches(own.subject, (select query from wanted), :needle)
     limit :most + 1
), message as materialized (
    select text.ticket_id, 4 as kind, 'message' as field, text.id as text_id
      from text
     where ticket_search_matches(text.message, (select query from wanted), :needle)
     limit :most + 1
), found as (
    -- include: found_number
       and t.user_id = :user_id
     union all
    (select ticket_id, kind, field, text_id from subject limit :most)
     union all
    (select ticket_id, kind, field, text_id from message limit :most)
)
select page.rows, page.more, page.last_updated_at, page.last_id,
       (select count(*) from text) >= :looked_at
       or (select count(*) from message) > :most as is_truncated
  from (
           -- include: found_page
             from (
                      -- include: found_user_rows
                  ) as listed
       ) as page;
