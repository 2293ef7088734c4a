-- Where the ticket counts differ from a count of all tickets, as of one moment.
select status, category,
       coalesce(actual.total, 0) - coalesce(stored.total, 0) as total,
       coalesce(actual.admin_unread, 0) - coalesce(stored.admin_unread, 0) as admin_unread
  from (
           select status, category, count(*) as total,
                  count(*) filter (where admin_unread) as admin_unread
             from tickets
            group by status, category
       ) as actual
  full join (
           select status, category, sum(total)::bigint as total,
                  sum(admin_unread)::bigint as admin_unread
             from ticket_counts
            group by status, category
       ) as stored using (status, category)
 where coalesce(actual.total, 0) <> coalesce(stored.total, 0)
    or coalesce(actual.admin_unread, 0) <> coalesce(stored.admin_unread, 0)
