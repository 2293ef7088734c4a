-- Rate limits by the generic cell rate algorithm (GCRA). The migration 0005 describes the table.

-- name: record_hit
-- Record one hit of a subject; fails over the limit.
insert into ticket_rates as r (subject, arrival, seen_at, tolerance)
values (:subject_of_hit, clock_timestamp() + :interval, clock_timestamp(), :period)
    on conflict (subject) do update
    -- include: move_arrival
returning arrival - seen_at as arrival_in;

-- name: time_until_hit
-- How long until one more hit of a subject is allowed.
select arrival - clock_timestamp() + :interval::interval - :period::interval as wait
  from ticket_rates
 where subject = :subject_of_hit;

-- name: delete_expired_rate_limits
-- Delete the rows of subjects that have their full allowance again, which say the same as no row,
-- in a range of the table's blocks. Rows that somebody is writing are skipped.
with deleted as (
    delete from ticket_rates
     where ctid = any (array(
               select ctid
                 from ticket_rates
                where ctid >= :from_row::tid
                  and ctid < :to_row::tid
                  and arrival < clock_timestamp()
                  for update skip locked
           ))
    returning 1
)
select (select count(*) from deleted) as deleted,
       pg_relation_size('ticket_rates') / current_setting('block_size')::bigint as blocks;
