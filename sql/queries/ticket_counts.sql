-- Keeps the table of ticket counts small.

-- name: fold_counts
-- Fold counts of PostgreSQL's server processes into slot 0, in batches. Rows that one of them is
-- updating are left for the next time.
with folded as (
    delete from ticket_counts
     where ctid = any (array(
               select ctid from ticket_counts where slot <> 0 limit 500 for update skip locked
           ))
    returning status, category, total, admin_unread
), sums as (
    insert into ticket_counts as c (slot, status, category, total, admin_unread)
    select 0, status, category, sum(total), sum(admin_unread)
      from folded
     group by status, category
     order by status, category
        on conflict on constraint ticket_counts_pkey
        do update
       set total = c.total + excluded.total,
           admin_unread = c.admin_unread + excluded.admin_unread
)
select count(*) from folded;
