-- Records the hit of a change of ticket `changed`, where there is a limit, after the key.
insert into ticket_rates as r (subject, arrival, seen_at, tolerance)
select :subject_of_hit, clock_timestamp() + :interval, clock_timestamp(), :period
  from changed
  left join stored_response on true
 where :subject_of_hit::text is not null
    on conflict (subject) do update
    -- include: move_arrival
returning arrival - seen_at as arrival_in
