-- A platform's tables as in the specification, with data, as the first start of the service would
-- find them: the migrations then take them over, and compute every counter.
--
-- The shape comes from settings of the session: bench.users, bench.tickets, bench.heavy_users (who
-- share 5 % of all tickets) and bench.regular_users with bench.regular_percent (who share that
-- percentage). All others share the rest. Nothing is random: the same settings create the same
-- rows, except for the date up to which they reach.

create table users (id serial primary key, email varchar(320) not null);

create table tickets (
    id serial primary key,
    user_id integer not null,
    category varchar(50) not null,
    other_category varchar(100),
    subject varchar(200) not null,
    status varchar(20) not null default 'open',
    priority varchar(20) not null default 'normal',
    user_unread boolean not null default false,
    admin_unread boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table ticket_messages (
    id serial primary key,
    ticket_id integer not null,
    sender_type varchar(10) not null,
    sender_id integer,
    message text not null,
    created_at timestamptz not null default now()
);

insert into users (email)
select 'user' || n || '@example.com'
  from generate_series(1, current_setting('bench.users')::integer) n;

-- One row per ticket with its properties. Most are closed. Of the newest quarter every other one is
-- not, and a third of those is unread, by the side that did not write last.
create temporary table made as
with shape as (
    select current_setting('bench.users')::integer as users,
           current_setting('bench.tickets')::integer as tickets,
           current_setting('bench.heavy_users')::integer as heavy,
           current_setting('bench.regular_users')::integer as regular,
           current_setting('bench.regular_percent')::integer as percent
), numbered as (
    select shape.*, n,
           n / 100 as hundred,
           n % 100 as place,
           -- a pseudo-random number
           (hashint4(n)::bigint & 1073741823)::integer as chance,
           current_date - interval '3 years' * (1 - n::float8 / tickets) as created_at
      from shape
     cross join generate_series(1, shape.tickets) n
)
select n as id,
       case
           when place < 5 then 1 + (hundred * 5 + place) % heavy
           when place < 5 + percent then 1 + heavy + (hundred * percent + place - 5) % regular
           else 1 + heavy + regular
                + (hundred * (95 - percent) + place - 5 - percent) % (users - heavy - regular)
       end as user_id,
       (array['support', 'support', 'support', 'support', 'billing', 'billing',
              'feature_suggestion', 'other'])[1 + chance % 8] as category,
       case
           when n <= tickets * 3 / 4 or chance / 8 % 100 >= 48 then 'closed'
           else (array['open', 'open', 'in_progress', 'resolved'])[1 + chance / 8 % 4]
       end as status,
       chance / 1024 % 3 = 0 as is_unread,
       -- at most seven, four on average; and a few very long threads
       case
           when n % (tickets / 5) = 77 then greatest(tickets / 333, 300)
           else 1 + chance / 4096 % 7
       end as messages,
       interval '1 minute' * (5 + chance / 8192 % 300) as pause,
       chance,
       created_at
  from numbered;

insert into tickets (user_id, category, other_category, subject, status, user_unread, admin_unread,
                     created_at, updated_at)
select user_id,
       category,
       case when category = 'other' then 'Printing' end,
       'The export stops half-way, for the ' || id || 'th time this year',
       status,
       status <> 'closed' and is_unread and messages % 2 = 0,
       status <> 'closed' and is_unread and messages % 2 = 1,
       created_at,
       created_at + pause * (messages - 1)
  from made
 order by id;

insert into ticket_messages (ticket_id, sender_type, sender_id, message, created_at)
select made.id,
       case when m % 2 = 1 then 'user' else 'admin' end,
       case when m % 2 = 1 then user_id end,
       'It stops after the first hundred rows, and says nothing. '
       || repeat('We have looked into it once more. ', 1 + (chance + m) % 6),
       created_at + pause * (m - 1)
  from made
 cross join generate_series(1, made.messages) m
 order by made.id, m;

drop table made;
