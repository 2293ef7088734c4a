-- The outbox: claims under leases, outcomes, pruning and figures. Each query is one statement.
--
-- An open delivery has no outcome. Claims read the partial indexes over open deliveries alone.

-- name: claim_deliveries
-- Claim what is due, the longest due first. Of each target and ticket only the oldest open delivery
-- can be claimed, so what waits behind it takes no place. A row that somebody else has claimed
-- since the snapshot is checked again when it is locked, and left out.
with due as materialized (
    select oldest.id
      from ticket_channels c
      left join unnest(:targets::text[], :busy::integer[]) as b (target, busy)
             on b.target = c.target
     cross join lateral (
               select d.id, d.due_at
                 from ticket_deliveries d
                where d.channel = c.channel
                  and d.target = c.target
                  and d.outcome is null
                  and d.due_at <= :at
                  and (d.leased_until is null or d.leased_until <= :at)
                  and
                  -- include: is_oldest_of_ticket
                order by d.due_at, d.id
                limit greatest(:share - coalesce(b.busy, 0), 0)
           ) as oldest
     where c.channel = :channel
       and c.disabled_at is null
       and c.stopped_at is null
     order by oldest.due_at, oldest.id
     limit :limit
), locked as (
    select d.id, d.event_id
      from ticket_deliveries d
     where d.id in (select due.id from due)
       and d.outcome is null
       and (d.leased_until is null or d.leased_until <= :at)
       for update skip locked
)
update ticket_deliveries d
   set leased_until = :until, attempts = d.attempts + 1
  from locked
  left join ticket_events e on e.id = locked.event_id
 where d.id = locked.id
returning
-- include: delivery_columns
;

-- name: claim_mail
-- Claim what one recipient is to be mailed about. The advisory lock lasts for this statement: two
-- processes that claim at once choose different recipients, so that nobody gets two mails for one.
-- A fresh delivery is due once its event is old enough, and a retried one at its time.
with chosen as materialized (
    select first.target, first.recipient
      from (
               select oldest.target, oldest.recipient
                 from ticket_channels c
                cross join lateral (
                          select d.target, d.due_at, d.id,
                                 ticket_mail_recipient(d.target, d.body) as recipient
                            from ticket_deliveries d
                           where d.channel = 'mail'
                             and d.target = c.target
                             and
                             -- include: mail_is_due
                           order by d.due_at, d.id
                           limit 20
                      ) as oldest
                where c.channel = 'mail'
                  and c.disabled_at is null
                  and c.stopped_at is null
                order by oldest.due_at, oldest.id
                -- the locks are tried in this order, one by one
               offset 0
           ) as first
     where pg_try_advisory_xact_lock(
               hashtext('tickets mail'), hashtext(first.target || ' ' || first.recipient))
     limit 1
), oldest as materialized (
    select d.target, d.ticket_id
      from chosen
      join ticket_deliveries d
             on d.target = chosen.target
            and ticket_mail_recipient(d.target, d.body) = chosen.recipient
     where d.channel = 'mail'
       and
       -- include: mail_is_due
     order by d.due_at, d.id
     limit :max_tickets
), locked as (
    select d.id, d.event_id
      from ticket_deliveries d
      join oldest on oldest.target = d.target and oldest.ticket_id = d.ticket_id
     where d.outcome is null
       and (d.leased_until is null or d.leased_until <= :at)
       and (d.event in ('ticket.created', 'message.created')
            or d.due_at <= :at and (d.attempts > 0 or d.due_at <= :fresh_before))
       for update of d skip locked
)
update ticket_deliveries d
   set leased_until = :until, attempts = d.attempts + 1
  from locked
  left join ticket_events e on e.id = locked.event_id
 where d.id = locked.id
returning
-- include: delivery_columns
;

-- name: close_delivery
-- Store an outcome under the lease that was claimed; no row where it has been lost.
update ticket_deliveries
   set outcome = :outcome::text,
       closed_at = :at,
       delivered_at = case when :outcome::text = 'sent' then :at::timestamptz end,
       last_error = coalesce(:error, last_error),
       leased_until = null
 where id = :delivery_id
   and leased_until = :lease
   and outcome is null
returning id;

-- name: retry_delivery
-- Give a delivery back until it is due again; no row where the lease has been lost.
update ticket_deliveries
   set due_at = :due_at,
       last_error = :error,
       unconfirmed = unconfirmed + :unconfirmed::smallint,
       leased_until = null
 where id = :delivery_id
   and leased_until = :lease
   and outcome is null
returning id;

-- name: release_delivery
-- Give a delivery back without counting the attempt; no row where the lease has been lost.
update ticket_deliveries
   set attempts = attempts - 1, last_error = :error, leased_until = null
 where id = :delivery_id
   and leased_until = :lease
   and outcome is null
returning id;

-- name: delete_closed_deliveries
-- Delete deliveries that were closed before a moment, the oldest first.
delete from ticket_deliveries
 where id = any (array(
           select id
             from ticket_deliveries
            where outcome is not null
              and closed_at < :before
            order by closed_at
            limit :limit
              for update skip locked
       ))
returning id;

-- name: delivery_figures
-- How many deliveries wait, for how long they have been due, and how many are parked. Those of a
-- channel that is off do not wait.
select c.channel,
       sum(open.waiting)::bigint as waiting,
       coalesce(extract(epoch from :at - min(open.due_at)), 0)::float8 as oldest_seconds,
       sum(parked.parked)::bigint as parked
  from ticket_channels c
 cross join lateral (
           select count(*) as waiting, min(d.due_at) as due_at
             from ticket_deliveries d
            where d.channel = c.channel
              and d.target = c.target
              and d.outcome is null
              and c.disabled_at is null
              and c.stopped_at is null
       ) as open
 cross join lateral (
           select count(*) as parked
             from ticket_deliveries d
            where d.channel = c.channel
              and d.target = c.target
              and d.outcome = 'parked'
       ) as parked
 group by c.channel
 order by c.channel;

-- name: hold_stopped_deliveries
-- Close as held what waits for channels that are off, so that it is kept for as long as the others.
update ticket_deliveries d
   set outcome = 'held', closed_at = :at, leased_until = null
  from ticket_channels c
 where c.channel = d.channel
   and c.target = d.target
   and (c.stopped_at is not null or c.disabled_at is not null)
   and d.outcome is null
returning d.id;
