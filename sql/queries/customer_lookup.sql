-- Whom an admin names as the customer of a new ticket. A query for each way to name one, so that
-- each has its index.

-- name: customer_by_id
select id from users where id = :user_id;

-- name: customers_by_email
select id from users where lower(email) = lower(:email) order by id limit 2;
