-- The rows of a page of what was found, for the user, numbered. Of several matches in a ticket the
-- first kind counts (number, subject, message), and of that the newest text.
select json_build_object(
           'row', row_to_json(fields),
           'field', t.field,
           'text', case t.field
                       when 'number' then t.id::text
                       when 'subject' then t.subject
                       else (select message from ticket_messages where id = t.text_id)
                   end
       )::text as body,
       t.updated_at, t.id,
       row_number() over (order by t.updated_at desc, t.id desc) as n
  from (
           select
               -- include: user_row_columns
               , best.field, best.text_id
             from (
                      select distinct on (ticket_id) ticket_id, field, text_id
                        from found
                       order by ticket_id, kind, text_id desc
                  ) as best
             join tickets t on t.id = best.ticket_id
            where (t.updated_at, t.id) < (:after_updated_at, :after_id)
            order by t.updated_at desc, t.id desc
            limit :limit + 1
       ) as t
 cross join lateral (
           select
               -- include: user_row_fields
       ) as fields
