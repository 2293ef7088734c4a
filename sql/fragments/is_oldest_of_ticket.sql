-- Whether a delivery is the oldest open one of its target and ticket. A target belongs to one
-- channel. A subquery without the channel, and not an anti-join: with statistics from a moment at
-- which the outbox was empty, the planner would read all deliveries of the target for each.
d.id = (
    select min(older.id)
      from ticket_deliveries older
     where older.target = d.target
       and older.ticket_id = d.ticket_id
       and older.outcome is null
)
