-- Whom an admin names as the customer of a new ticket. There is a query for each way to name one,
-- so that each uses its index.

-- name: customer_by_id
-- The user with this id.
select id from users where id = :user_id;

-- name: customers_by_email
-- Users with this address, in any capitalisation; two show that it is ambiguous.
select id from users where lower(email) = lower(:email) order by id limit 2;
