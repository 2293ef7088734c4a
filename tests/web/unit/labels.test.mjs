// Labels of categories and senders, and counts with their noun.

import assert from "node:assert/strict";
import { test } from "node:test";

import { plural } from "../../../src/tickets/web/lib/numbers.js";
import { categoryLabel, senderLabel } from "../../../src/tickets/web/model/labels.js";

test('the category "other" is labelled with the user\'s own words, if there are any', () => {
  assert.equal(categoryLabel({ category: "other", other_category: "Press" }), "Press");
  assert.equal(categoryLabel({ category: "other", other_category: null }), "Other");
  assert.equal(
    categoryLabel({ category: "feature_suggestion", other_category: null }),
    "Feature Suggestion",
  );
});

test("a sender's label depends on the reader's side", () => {
  const ticket = { user_email: "mara@example.com" };
  const user = { sender_type: "user", sender_id: 4 };
  const admin = { sender_type: "admin" };
  assert.equal(senderLabel(user, "user", ticket), "You");
  assert.equal(senderLabel(admin, "user", ticket), "Support");
  assert.equal(senderLabel(user, "admin", ticket), "mara@example.com");
  assert.equal(senderLabel(user, "admin", { user_email: null }), "User 4");
  assert.equal(senderLabel(admin, "admin", ticket), "Support team");
  for (const side of ["user", "admin"]) {
    assert.equal(senderLabel({ ...admin, sender_name: "Nadia Berg" }, side, ticket), "Nadia Berg");
  }
});

test("one is singular, zero and more are plural", () => {
  assert.equal(plural(1, "ticket"), "1 ticket");
  assert.equal(plural(0, "ticket"), "0 tickets");
  assert.equal(plural(1200, "ticket"), "1,200 tickets");
});
