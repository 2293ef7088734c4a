-- Whether a delivery of mail is the oldest open one of its ticket, is due, and is not claimed.
d.outcome is null
and (d.leased_until is null or d.leased_until <= :at)
and d.due_at <= :at
and (d.attempts > 0 or d.due_at <= :fresh_before)
and
    -- include: is_oldest_of_ticket
