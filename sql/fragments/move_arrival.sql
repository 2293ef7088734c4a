-- Records a hit in the row of its subject, which an insert into ticket_rates as r has just met:
-- moves the theoretical arrival time by one interval (GCRA). The check constraint of the table
-- refuses a hit over the limit. The clock is read once the row is locked, since a statement that
-- waited for it has let others pass. Where the setting has another period now, the row starts
-- afresh.
   set arrival = greatest(case when r.tolerance = :period then r.arrival end, clock_timestamp())
                 + :interval,
       seen_at = clock_timestamp(),
       tolerance = :period
