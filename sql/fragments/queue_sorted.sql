-- Tickets t of a bounded scope with their place in the order :sort. All of the scope is looked at.
-- In ascending orders the place is `waiting_since`, else `updated_at`, with its sign turned.
select t.id,
       case :sort::text
            when 'unread' then (not t.admin_unread)::integer
            when 'priority' then coalesce(
                array_position(string_to_array(:priorities, ','), t.priority::text), 100)
            else 0
       end as rank,
       case when :is_ascending::boolean then t.waiting_since else t.updated_at end as at,
       case
           when :is_ascending then extract(epoch from coalesce(t.waiting_since, 'infinity'))
           else -extract(epoch from t.updated_at)
       end as place,
       case when :is_ascending then t.id else -t.id end as tie
  from tickets t
