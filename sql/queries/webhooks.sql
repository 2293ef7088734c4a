-- Manages webhooks: channels whose target is a URL. A stopped one is recorded but not sent.

-- name: add_webhook
-- Add a webhook; no row where there is one with this URL, or as many as there may be.
insert into ticket_channels (channel, target, events, secret, created_at)
select 'webhook', :url, :events::text[], :secret, :at
 where (select count(*) from ticket_channels where channel = 'webhook') < :max_webhooks
    on conflict (channel, target) do nothing
returning id;

-- name: list_webhooks
-- All webhooks, with the number of deliveries that wait and that failed.
select c.id, c.target as url, c.events, c.stopped_because, c.failing_since, open.waiting,
       failed.failed
  from ticket_channels c
 cross join lateral (
           select count(*) as waiting
             from ticket_deliveries d
            where d.channel = c.channel and d.target = c.target and d.outcome is null
       ) as open
 cross join lateral (
           select count(*) as failed
             from ticket_deliveries d
            where d.channel = c.channel
              and d.target = c.target
              and d.outcome in ('failed', 'held', 'parked')
       ) as failed
 where c.channel = 'webhook'
 order by c.id;

-- name: webhook_by_url
-- A webhook with its secrets, the previous one while it still signs.
select id, target as url, stopped_because, secret,
       case when previous_secret_until > :at then previous_secret end as previous_secret
  from ticket_channels
 where channel = 'webhook' and target = :url;

-- name: webhook_by_id
-- The same by its id.
select id, target as url, stopped_because, secret,
       case when previous_secret_until > :at then previous_secret end as previous_secret
  from ticket_channels
 where channel = 'webhook' and id = :webhook_id;

-- name: webhook_succeeded
-- Record that a delivery was accepted; writes nothing where nothing has failed.
update ticket_channels
   set failing_since = null
 where channel = 'webhook' and target = :url and failing_since is not null;

-- name: webhook_failed
-- Record a failure; return since when all attempts have failed.
update ticket_channels
   set failing_since = coalesce(failing_since, :at)
 where channel = 'webhook' and target = :url
returning failing_since;

-- name: stop_webhook
-- Stop a webhook; no row where it is stopped already.
update ticket_channels
   set stopped_at = :at, stopped_because = :because
 where channel = 'webhook' and target = :url and stopped_at is null
returning id;

-- name: start_webhook
-- Go on with new events: what waited meanwhile is closed as held, and can be replayed.
with started as (
    update ticket_channels
       set stopped_at = null, stopped_because = null, failing_since = null
     where channel = 'webhook' and target = :url and stopped_at is not null
    returning channel, target
), held as (
    update ticket_deliveries d
       set outcome = 'held', closed_at = :at, leased_until = null
      from started
     where d.channel = started.channel and d.target = started.target and d.outcome is null
    returning d.id
)
select count(*) as held from started left join held on true having count(started.target) > 0;

-- name: rotate_webhook
-- Replace the secret; the previous one signs as well for a while.
update ticket_channels
   set previous_secret = secret, previous_secret_until = :until, secret = :secret
 where channel = 'webhook' and target = :url
returning id;

-- name: webhook_deliveries
-- The newest deliveries of a webhook.
select d.id, d.event, d.ticket_id, d.attempts, d.outcome, d.last_error,
       coalesce(d.closed_at, d.due_at) as at
  from ticket_deliveries d
 where d.channel = 'webhook' and d.target = :url
 order by d.id desc
 limit :limit;

-- name: replay_delivery
-- Send a closed delivery of a webhook again, with the same id and body.
update ticket_deliveries d
   set outcome = null, closed_at = null, delivered_at = null, leased_until = null, attempts = 0,
       due_at = :at
  from ticket_channels c
 where d.id = :delivery_id
   and d.channel = 'webhook'
   and d.outcome is not null
   and c.channel = d.channel
   and c.target = d.target
   and c.disabled_at is null
   and c.stopped_at is null
returning d.id;
