-- Filters tickets t by their assignee; 0 is nobody, and a disabled admin counts as nobody.
and (:assignee::integer is null
     or :assignee = case
                        when t.assignee_id in (
                                 select id from ticket_admins where disabled_at is null
                             )
                        then t.assignee_id
                        else 0
                    end)
