-- What `benchmarks.writing` removes from copies of S, to measure its cost per write.

-- name: without the user's list index
drop index tickets_of_user;

-- name: without the index for users' unread counts
drop index tickets_unread_by_user;

-- name: without the admins' list index
drop index tickets_by_activity;

-- name: without the filtered list's index
drop index tickets_by_status_and_category;

-- name: without the index for auto-close
drop index tickets_resolved;

-- name: without all of these
drop index tickets_of_user, tickets_unread_by_user, tickets_by_activity,
           tickets_by_status_and_category, tickets_resolved;

-- name: without the counts' triggers
alter table tickets disable trigger ticket_counts_appear, disable trigger ticket_counts_move;

-- name: without the threads' triggers
alter table tickets disable trigger ticket_marks_follow;
alter table ticket_messages disable trigger ticket_messages_appear;

-- name: without the notifications' triggers
alter table tickets disable trigger ticket_badges_appear, disable trigger ticket_badges_move;

-- name: without the versions' trigger
alter table tickets disable trigger ticket_versions_rise;

-- name: without the search's indexes
drop index ticket_messages_search, tickets_search, ticket_notes_search;
