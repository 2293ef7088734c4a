-- Verifies what is derived or configured once: sequences, triggers, pinned paths, indexes, rights,
-- ticket counts, and the columns of tickets that come from their messages. A query of findings
-- returns a sentence and, if it is safe, the statement that repairs it.

-- name: database_state
-- What this session may do, and as whom.
select pg_is_in_recovery() as in_recovery,
       current_setting('transaction_read_only')::boolean as read_only,
       current_setting('session_replication_role') as replication_role,
       current_user as role;

-- name: missing_privileges
-- The rights that this role lacks.
select coalesce((
           -- include: missing_privileges
       ), '{}');

-- name: limit_statements
-- Limit the time of each statement of this transaction, in milliseconds.
select set_config('statement_timeout', :milliseconds::text, true);

-- name: limit_repair_waits
-- Others queue behind a repair that waits for a lock. So it waits half a second at most, and is
-- tried again or left to the next verification.
select set_config('lock_timeout', '500ms', true);

-- name: lock_verification
-- One repair at a time, until the end of the transaction: two processes that find the same
-- difference must not both add it. The number is the name `verify` in ASCII.
select pg_advisory_xact_lock(130178083284601);

-- name: find_sequences_behind
-- Sequences that give ids which are taken, or soon will.
select format('sequence %s gives %s next, and %s has ids up to %s',
              sequence, next_value, table_name, highest) as detail,
       case when continues_at <= last_possible
            then format('select setval(%1$L, %2$s, false) from %1$s where last_value < %2$s',
                        sequence, continues_at) end as repair
  from (
           -- include: sequences_behind
       ) as behind
 order by sequence;

-- name: find_unpinned_functions
-- Functions with their owner's rights whose pinned search_path is not where the tables are, as
-- after `alter schema … rename`: they would fail, or find other tables.
select format('function %s is pinned to %s, and the tables are in %s', id, coalesce(pinned, '""'),
              right_path) as detail,
       format('alter function %s set search_path = %s', id, right_path) as repair
  from (
           select p.oid::regprocedure as id,
                  substring(setting.value from '^search_path=(.*)$') as pinned,
                  (
                      select string_agg(quote_ident(nspname), ', '
                                        order by n.oid <> p.pronamespace, nspname)
                        from pg_namespace n
                       where n.oid = p.pronamespace
                          or n.oid in (
                                 select relnamespace
                                   from pg_class
                                  where oid in (to_regclass('tickets'),
                                                to_regclass('ticket_messages'))
                             )
                  ) || ', pg_temp' as right_path
             from pg_proc p
             left join lateral (
                      select value
                        from unnest(p.proconfig) as value
                       where value like 'search_path=%'
                  ) as setting on true
            where p.prosecdef
              and p.proname like 'ticket\_%'
              and p.pronamespace = (
                      select relnamespace from pg_class where oid = to_regclass('ticket_counts')
                  )
       ) as functions
 where pinned is distinct from right_path
 order by id::text;

-- name: our_functions
-- The bodies of our functions in use, null where one of these names is missing.
select wanted.name, functions.body
  from unnest(:names::text[]) as wanted (name)
  left join (
           select p.proname as name, p.prosrc as body
             from pg_proc p
            where p.pronamespace = (
                      select relnamespace from pg_class where oid = to_regclass('ticket_counts')
                  )
       ) as functions on functions.name = wanted.name
 order by wanted.name;

-- name: find_idle_triggers
-- Triggers that are missing, or that do not fire for the writes of others.
select case
           when t.oid is null
           then format('trigger %s on %s is missing: restore it from a backup of the schema',
                       needed.trigger_name, needed.table_name)
           else format('trigger %s on %s is disabled', needed.trigger_name, needed.table_name)
       end as detail,
       case
           when t.oid is not null
           then format('alter table %s enable trigger %I', t.tgrelid::regclass, t.tgname)
       end as repair
  from (
           values ('tickets', 'ticket_counts_appear'),
                  ('tickets', 'ticket_counts_disappear'),
                  ('tickets', 'ticket_counts_move'),
                  ('tickets', 'ticket_counts_vanish'),
                  ('tickets', 'ticket_badges_appear'),
                  ('tickets', 'ticket_badges_move'),
                  ('tickets', 'ticket_badges_disappear'),
                  ('tickets', 'ticket_badges_vanish'),
                  ('tickets', 'ticket_versions_rise'),
                  ('tickets', 'ticket_versions_end'),
                  ('tickets', 'ticket_marks_follow'),
                  ('tickets', 'ticket_events_begin'),
                  ('tickets', 'ticket_events_follow'),
                  ('tickets', 'ticket_history_end'),
                  ('tickets', 'ticket_history_vanish'),
                  ('ticket_messages', 'ticket_messages_appear'),
                  ('ticket_messages', 'ticket_messages_disappear'),
                  ('ticket_messages', 'ticket_messages_vanish'),
                  ('ticket_messages', 'ticket_messages_leave'),
                  ('ticket_messages', 'ticket_messages_change'),
                  ('ticket_tokens', 'ticket_tokens_move'),
                  ('ticket_tokens', 'ticket_tokens_vanish'),
                  ('ticket_admins', 'ticket_admins_move'),
                  ('ticket_admins', 'ticket_admins_vanish')
       ) as needed (table_name, trigger_name)
  left join pg_trigger t
         on t.tgrelid = to_regclass(needed.table_name) and t.tgname = needed.trigger_name
 where t.oid is null
    or t.tgenabled in ('D', 'R')
 order by needed.table_name, needed.trigger_name;

-- name: find_missing_indexes
-- Unique indexes on which rules rest, our other indexes, without which lists are slow, and indexes
-- of our tables that a failed build left invalid.
select format('there is no unique index on %s (%s)', table_name, columns) as detail,
       null::text as repair
  from (
           values ('users', 'id'),
                  ('tickets', 'id'),
                  ('ticket_messages', 'id'),
                  ('ticket_messages', 'ticket_id, ordinal'),
                  ('ticket_counts', 'slot, status, category'),
                  ('ticket_idempotency_keys', 'caller, key'),
                  ('ticket_rates', 'subject'),
                  ('ticket_tokens', 'token_sha256'),
                  ('ticket_verification', 'only_row'),
                  ('ticket_admins', 'id'),
                  ('ticket_admins', 'token_sha256'),
                  ('ticket_admins', 'lower((email)::text)'),
                  ('ticket_admins', 'external_id'),
                  ('ticket_people', 'external_id'),
                  ('ticket_people', 'user_id'),
                  ('ticket_saved_replies', 'id'),
                  ('ticket_notes', 'id'),
                  ('ticket_events', 'id'),
                  ('ticket_channels', 'id'),
                  ('ticket_channels', 'channel, target'),
                  ('ticket_deliveries', 'id'),
                  ('ticket_mail_unsubscribed', 'user_id'),
                  ('ticket_mail_refusals', 'address'),
                  ('ticket_mail_counts', 'subject, day')
       ) as needed (table_name, columns)
 where not exists (
           select
             from pg_index i
            where i.indrelid = to_regclass(needed.table_name)
              and i.indisunique and i.indisvalid and i.indisready and i.indpred is null
              and (
                      select string_agg(pg_get_indexdef(i.indexrelid, n, false), ', ' order by n)
                        from generate_series(1, i.indnkeyatts::integer) as n
                  ) = needed.columns
       )
union all
select format('index %s is missing: restore it from a backup of the schema', name), null
  from unnest(array['tickets_of_user', 'tickets_unread_by_user', 'tickets_by_activity',
                    'tickets_by_status_and_category', 'tickets_resolved', 'tickets_by_followed',
                    'ticket_tokens_of_user', 'ticket_idempotency_keys_by_age', 'tickets_waiting',
                    'tickets_by_assignee', 'tickets_not_done', 'ticket_notes_of_ticket',
                    'ticket_events_of_ticket', 'ticket_events_history', 'ticket_events_of_status',
                    'ticket_events_of_waits', 'ticket_events_taken_back',
                    'ticket_deliveries_of_ticket', 'ticket_deliveries_due',
                    'ticket_deliveries_waiting', 'ticket_deliveries_by_recipient',
                    'ticket_deliveries_parked', 'ticket_deliveries_closed', 'tickets_search',
                    'ticket_messages_search', 'ticket_notes_search']) as name
 where to_regclass(name) is null
union all
select format('index %s is invalid: reindex it', i.indexrelid::regclass), null
  from pg_index i
 where i.indrelid in (to_regclass('tickets'), to_regclass('ticket_messages'),
                      to_regclass('ticket_counts'), to_regclass('ticket_tokens'),
                      to_regclass('ticket_rates'), to_regclass('ticket_idempotency_keys'),
                      to_regclass('ticket_admins'), to_regclass('ticket_notes'),
                      to_regclass('ticket_events'), to_regclass('ticket_deliveries'))
   and not i.indisvalid
   and not exists (
           select
             from pg_stat_progress_create_index b
            where b.datname = current_database()
              and b.index_relid = i.indexrelid
       )
 order by detail;

-- name: find_missing_constraints
-- Foreign keys, which may have any name, and our checks that are missing or were never validated. A
-- restore that fails half-way leaves the last of them out.
select format('%s on %s %s', needed.what, needed.table_name,
              case when c.oid is null
                   then 'is missing: restore it from a backup of the schema'
                   else 'is not validated: validate it' end) as detail,
       null::text as repair
  from (
           select format('foreign key to %s', target) as what, table_name, target, null as name
             from (
                      values ('tickets', 'users'),
                             ('ticket_messages', 'tickets'),
                             ('ticket_tokens', 'users'),
                             ('ticket_people', 'users')
                  ) as foreign_key (table_name, target)
           union all
           select format('constraint %s', name), table_name, null, name
             from (
                      values ('tickets', 'tickets_status_known'),
                             ('tickets', 'tickets_category_known'),
                             ('tickets', 'tickets_message_count_natural'),
                             ('ticket_messages', 'ticket_messages_sender_type_known'),
                             ('ticket_tokens', 'ticket_tokens_sha256_length'),
                             ('ticket_idempotency_keys', 'ticket_idempotency_keys_sha256_length'),
                             ('ticket_rates', 'ticket_rates_limit'),
                             ('ticket_verification', 'ticket_verification_only_row'),
                             ('ticket_admins', 'ticket_admins_sha256_length')
                  ) as rule (table_name, name)
       ) as needed
  left join lateral (
           select oid, convalidated
             from pg_constraint
            where conrelid = to_regclass(needed.table_name)
              and (conname = needed.name
                   or contype = 'f' and confrelid = to_regclass(needed.target))
            order by convalidated desc
            limit 1
       ) as c on true
 where c.convalidated is not true
 order by detail;

-- name: find_stuck_deliveries
-- What is parked, and what has been due for an hour, by channel and target. None where the channel
-- is off. There is nothing to repair: a webhook's deliveries can be replayed.
select format('%s to %s: %s parked, %s due for more than an hour (ids %s)%s', d.channel, d.target,
              count(*) filter (where d.outcome = 'parked'),
              count(*) filter (where d.outcome is null),
              array_to_string((array_agg(d.id order by d.id))[1:3], ', '),
              ': ' || (array_agg(d.last_error order by d.id desc)
                       filter (where d.last_error is not null))[1]) as detail,
       null::text as repair
  from ticket_deliveries d
  join ticket_channels c
         on c.channel = d.channel
        and c.target = d.target
        and c.disabled_at is null
        and c.stopped_at is null
 where d.outcome = 'parked'
    or d.outcome is null and d.due_at < now() - interval '1 hour'
 group by d.channel, d.target
 order by detail;

-- name: any_user
-- Some user, for a ticket that is rolled back, and the time.
select id, now() as now from users order by id limit 1;

-- name: any_admin
-- Some active admin, to whom that ticket is assigned.
select id, name from ticket_admins where disabled_at is null order by id limit 1;

-- name: id_positions
-- Where the sequences of ids stand before a rehearsal, where nobody has opened a ticket.
select s.seqrelid::regclass::text as sequence,
       coalesce(pg_sequence_last_value(s.seqrelid), s.seqstart) as position,
       pg_sequence_last_value(s.seqrelid) is not null as is_used
  from pg_sequence as s
 where s.seqrelid in (
           pg_get_serial_sequence('tickets', 'id')::regclass,
           pg_get_serial_sequence('ticket_messages', 'id')::regclass
       )
   and not exists (select from tickets);

-- name: lock_tickets_for_ids
-- Let nobody take an id from here to the end of the transaction.
lock table tickets in share row exclusive mode;

-- name: give_back_ids
-- Put a sequence of ids back to where it stood, unless somebody has opened a ticket since.
select setval(cast(:sequence as text)::regclass, :position, :is_used)
 where not exists (select from tickets);

-- name: has_written
-- Whether one of the newest tickets was changed by this service: then its writes are not refused.
-- Other programs and releases before 0011 record no events.
select exists (
           select
             from (
                      select events_recorded from tickets order by id desc limit :newest
                  ) as newest
            where events_recorded > 0
       );

-- name: has_counted
-- Whether triggers have counted a change of this transaction, whatever others count meanwhile.
select exists (
           select
             from ticket_counts
            where slot = pg_backend_pid()
              and xmin = pg_current_xact_id()::xid
       );

-- name: lock_tickets_for_counting
-- Lock the tickets before the ticket counts, as a truncation of tickets does.
lock table tickets in access share mode;

-- name: find_wrong_counts
-- Figures of the admins that are wrong.
-- include: wrong_counts
;

-- name: repair_counts
-- Add the difference as a row of this session's own: exact whatever is written meanwhile, without
-- any lock, as tickets and their counts are committed together and are read here as of one moment.
with wrong as (
    -- include: wrong_counts
)
insert into ticket_counts as c (slot, status, category, total, admin_unread)
select pg_backend_pid(), status, category, total, admin_unread from wrong
    on conflict on constraint ticket_counts_pkey
    do update
   set total = c.total + excluded.total,
       admin_unread = c.admin_unread + excluded.admin_unread
returning status, category;

-- name: next_tickets
-- The next tickets after an id.
select coalesce(array_agg(id order by id), '{}')
  from (select id from tickets where id > :after order by id limit :size) as batch;

-- name: sample_of_tickets
-- The newest tickets, and some from everywhere: a few at each of many random ids.
with places as materialized (
    select lowest + floor(random() * (highest - lowest + 1))::integer as start
      from (select min(id) as lowest, max(id) as highest from tickets) as ids
     cross join generate_series(1, :places)
)
select coalesce(array_agg(distinct id), '{}')
  from (
           (select id from tickets order by id desc limit :newest)
           union all
           select few.id
             from places
            cross join lateral (
                      select id from tickets where id >= places.start order by id limit :at_each
                  ) as few
       ) as sample;

-- name: find_wrong_threads
-- The tickets among these whose derived columns are wrong, with the names of those columns.
with thread as (
    -- include: thread_states
)
select id, wrong
  from thread
 cross join lateral (
           select array_remove(
                      array[
                          case when unnumbered > 0 then 'ordinal' end,
                          case when message_count <> right_message_count
                               then 'message_count' end,
                          case when last_message <> right_last_message then 'last_message' end,
                          case when last_ordinal <> right_last_ordinal then 'last_ordinal' end,
                          case when user_seen <> right_user_seen then 'user_seen' end,
                          case when admin_seen <> right_admin_seen then 'admin_seen' end,
                          case when waiting_since is distinct from right_waiting_since
                               then 'waiting_since' end,
                          case when last_sender <> right_last_sender then 'last_sender' end,
                          case when opened_by <> right_opened_by then 'opened_by' end,
                          case when first_replied_at is distinct from right_first_replied_at
                               then 'first_replied_at' end,
                          case when resolved_at is distinct from right_resolved_at
                               then 'resolved_at' end,
                          case when assignee_id is distinct from right_assignee_id
                               then 'assignee_id' end,
                          case when follows is distinct from right_follows then 'follows' end
                      ], null
                  ) as wrong
       ) as columns
 where wrong <> '{}'
 order by id;

-- name: find_orphans
-- Rows of the desk's tables that belong to no ticket, of tickets between two ids: there is no
-- foreign key, and a deletion without triggers leaves them behind. With the number of rows by table
-- and some of the missing ids.
select 'ticket_events' as table_name, count(*) as orphans,
       (array_agg(distinct ticket_id))[:3] as ticket_ids
  from ticket_events r
 where r.ticket_id > :after and r.ticket_id <= :last
   and not exists (select from tickets t where t.id = r.ticket_id)
having count(*) > 0
union all
select 'ticket_deliveries', count(*), (array_agg(distinct ticket_id))[:3]
  from ticket_deliveries r
 where r.ticket_id > :after and r.ticket_id <= :last
   and not exists (select from tickets t where t.id = r.ticket_id)
having count(*) > 0
union all
select 'ticket_notes', count(*), (array_agg(distinct ticket_id))[:3]
  from ticket_notes r
 where r.ticket_id > :after and r.ticket_id <= :last
   and not exists (select from tickets t where t.id = r.ticket_id)
having count(*) > 0
 order by table_name;

-- name: delete_orphaned_events
-- Delete the events of missing tickets, as a trigger would have done with their tickets. Not where
-- there are no tickets at all: somebody may be about to restore them.
delete from ticket_events r
 where r.ticket_id > :after and r.ticket_id <= :last
   and not exists (select from tickets t where t.id = r.ticket_id)
   and exists (select from tickets);

-- name: delete_orphaned_deliveries
-- Delete the deliveries of missing tickets, which hold copies of what was deleted.
delete from ticket_deliveries r
 where r.ticket_id > :after and r.ticket_id <= :last
   and not exists (select from tickets t where t.id = r.ticket_id)
   and exists (select from tickets);

-- name: lock_ticket
-- Lock a ticket's row against every writer, of messages too, until the end of the transaction.
select id from tickets where id = :ticket_id for update;

-- name: mark_unnumbered_unread
-- Mark a ticket unread for whoever was not shown its messages without an ordinal: no page has them.
-- All others were shown if the flag was clear. A thread that came as a whole, as from a restore,
-- keeps the flags that came with it.
update tickets t
   set user_unread = t.user_unread or missed.is_answered,
       user_seen = case when missed.is_answered and not t.user_unread then t.last_ordinal
                        else t.user_seen end,
       admin_unread = t.admin_unread or missed.is_asked,
       admin_seen = case when missed.is_asked and not t.admin_unread then t.last_ordinal
                         else t.admin_seen end
  from (
           select coalesce(bool_or(sender_type = 'user'), false) as is_asked,
                  coalesce(bool_or(sender_type = 'admin'), false) as is_answered
             from ticket_messages
            where ticket_id = :ticket_id and ordinal is null
       ) as missed
 where t.id = :ticket_id
   and t.last_ordinal > 0
   and (missed.is_answered and not t.user_unread or missed.is_asked and not t.admin_unread);

-- name: number_messages
-- Number the messages without an ordinal of a ticket, as a trigger would have done.
select ticket_threads_grow(array[:ticket_id::integer])
 where exists (
           select from ticket_messages where ticket_id = :ticket_id and ordinal is null
       );

-- name: repair_threads
-- Bring the derived columns of these tickets, which are locked, into line with their messages.
with thread as (
    -- include: thread_states
)
update tickets t
   set message_count = right_message_count,
       last_message = right_last_message,
       last_ordinal = right_last_ordinal,
       user_seen = right_user_seen,
       admin_seen = right_admin_seen,
       waiting_since = right_waiting_since,
       last_sender = right_last_sender,
       opened_by = right_opened_by,
       first_replied_at = right_first_replied_at,
       resolved_at = right_resolved_at,
       assignee_id = right_assignee_id,
       follows = right_follows
  from thread
 where t.id = thread.id
   and (t.message_count, t.last_message, t.last_ordinal, t.user_seen, t.admin_seen, t.waiting_since,
        t.last_sender, t.opened_by, t.first_replied_at, t.resolved_at, t.assignee_id, t.follows)
       is distinct from
       (right_message_count, right_last_message, right_last_ordinal, right_user_seen,
        right_admin_seen, right_waiting_since, right_last_sender, right_opened_by,
        right_first_replied_at, right_resolved_at, right_assignee_id, right_follows)
returning t.id;

-- name: claim_round
-- Take over the daily round if it is due, or left by a process that is gone; no row otherwise, and
-- none in a database that a newer release has migrated, whose schema is not this one's.
update ticket_verification
   set started_at = case when position is null then now() else started_at end,
       found = case when position is null then 0 else found end,
       remaining = case when position is null then 0 else remaining end,
       position = coalesce(position, 0),
       leased_until = now() + :lease
 where leased_until <= now()
   and (position is not null or started_at <= now() - :every::interval)
   and not exists (select from ticket_migrations where number > :highest)
returning position;

-- name: advance_round
-- Record how far the round is, and extend the lease; no row if another process has taken it over.
update ticket_verification
   set position = :position,
       leased_until = now() + :lease,
       found = found + :found,
       remaining = remaining + :remaining
 where position = :before
returning position;

-- name: finish_round
-- End the round; no row if another process has taken it over.
update ticket_verification
   set position = null, finished_at = now(), leased_until = now()
 where position = :before
returning found, remaining;

-- name: restore_round
-- Add the row of the daily round where it is missing, as after a restore of some tables.
insert into ticket_verification (started_at, leased_until) values (now(), now())
    on conflict do nothing;
