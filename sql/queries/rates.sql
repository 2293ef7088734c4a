-- Counts how often somebody has done something lately. The migration 0005 says how a row counts.

-- name: count_use
-- Count one use of $1, of which each moves the arrival by $2 and $3 is the period; fails at the limit. The time is asked once the
-- row is locked, since who waited for it has seen others pass. Where the setting has another period now, it starts afresh.
insert into ticket_rates as r (subject, arrival, seen_at, tolerance)
values ($1, clock_timestamp() + $2, clock_timestamp(), $3)
on conflict (subject) do update
   set arrival = greatest(case when r.tolerance = $3 then r.arrival end, clock_timestamp()) + $2,
       seen_at = clock_timestamp(),
       tolerance = $3
returning arrival - seen_at as ahead;

-- name: time_until_use
-- How long it takes until one more use of $1 is possible.
select arrival - clock_timestamp() + $2::interval - $3::interval as wait
  from ticket_rates
 where subject = $1;

-- name: forget_unused
-- Remove the rows that say the same as none: everything that was used has come back.
with gone as (
    delete from ticket_rates where arrival < clock_timestamp() returning 1
)
select count(*) from gone;
