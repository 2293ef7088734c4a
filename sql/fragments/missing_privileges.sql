-- What this role lacks of the rights that the service needs, as `insert, update on ticket_counts`.
-- A right on some columns counts: the verification tries every statement and finds the rest.
select array_agg(lack.what order by lack.what)
  from (
           select string_agg(privilege, ', ' order by position) || ' on ' || name as what
             from (
                      values ('users', 'select'),
                             ('tickets', 'select, insert, update'),
                             ('ticket_messages', 'select, insert'),
                             ('ticket_counts', 'select, insert, update, delete'),
                             ('ticket_idempotency_keys', 'select, insert, update, delete'),
                             ('ticket_rates', 'select, insert, update, delete'),
                             ('ticket_tokens', 'select, insert, update, delete'),
                             ('ticket_verification', 'select, update'),
                             ('ticket_admins', 'select, insert, update'),
                             ('ticket_people', 'select'),
                             ('ticket_notes', 'select, insert'),
                             ('ticket_saved_replies', 'select, insert, update, delete'),
                             ('ticket_events', 'select, insert'),
                             ('ticket_channels', 'select, insert, update'),
                             ('ticket_deliveries', 'select, insert, update, delete'),
                             ('ticket_mail_unsubscribed', 'select, insert, delete'),
                             ('ticket_mail_refusals', 'select, insert, update, delete'),
                             ('ticket_mail_counts', 'select, insert, update, delete'),
                             ('ticket_migrations', 'select')
                  ) as needed (name, privileges)
            cross join string_to_table(privileges, ', ') with ordinality as p (privilege, position)
            where not has_table_privilege(to_regclass(name), privilege)
              and (privilege = 'delete'
                   or not has_any_column_privilege(to_regclass(name), privilege))
            group by name
           union all
           -- an identity column needs no right on its sequence, a default that calls one does
           select 'usage on ' || s.seqrelid::regclass
             from unnest(array['tickets', 'ticket_messages']) as name
             join pg_attrdef f on f.adrelid = to_regclass(name)
             join pg_depend d
                    on d.classid = 'pg_attrdef'::regclass
                   and d.objid = f.oid
                   and d.refclassid = 'pg_class'::regclass
             join pg_sequence s on s.seqrelid = d.refobjid
            where not has_sequence_privilege(s.seqrelid, 'usage, update')
       ) as lack
