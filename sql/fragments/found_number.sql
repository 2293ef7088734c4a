-- The ticket with a number.
select t.id as ticket_id, 1 as kind, 'number' as field, 0 as text_id
  from tickets t
 where t.id = :number
