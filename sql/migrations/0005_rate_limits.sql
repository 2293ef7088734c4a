-- How often somebody has done something lately: one row for each user or address that is anywhere near a limit.
--
-- Runs before the code that needs it. Nothing refers to this table and it refers to nothing, so that it can be emptied at any
-- time: everybody then starts afresh.
--
-- A limit of n in a period is kept as one point in time (the generic cell rate algorithm). Each use moves `arrival` by a
-- n-th of the period, from now at the earliest; how far it lies ahead is how much has been used, and it comes nearer
-- by itself. So one row and one upsert count a use, a burst of n is possible, and what has been used comes back evenly.
--
-- The limit itself is a constraint of the row: the statement that stores a ticket or a message counts it as well, and a use
-- too many makes all of it fail, with nothing stored and nothing counted.

create table ticket_rates (
    -- whose use of what: `creates:17`, `replies:17`, `sign-ins:198.51.100.7`
    subject text primary key,
    arrival timestamptz not null,
    -- when the last use was counted, by the database's clock, since several machines count together
    seen_at timestamptz not null,
    -- the period of the limit, as it was then
    tolerance interval not null,
    constraint ticket_rates_limit check (arrival - seen_at <= tolerance)
)
-- Rows are updated in place, over and over; no index but the key, and room on each page, so that no index is touched.
with (fillfactor = 50);
