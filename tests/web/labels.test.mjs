// What statuses, categories and people are called.

import assert from "node:assert/strict";
import { test } from "node:test";

import { categoryLabel, plural, senderLabel } from "../../src/tickets/web/model/labels.js";

test('"other" goes by the user\'s own words, where there are any', () => {
  assert.equal(categoryLabel({ category: "other", other_category: "Press" }), "Press");
  assert.equal(categoryLabel({ category: "other", other_category: null }), "Other");
  assert.equal(categoryLabel({ category: "feature_suggestion", other_category: null }), "Feature Suggestion");
});

test("a sender is called as the reader sees them", () => {
  const ticket = { user_email: "mara@example.com" };
  const [user, admin] = [{ sender_type: "user", sender_id: 4 }, { sender_type: "admin" }];
  assert.equal(senderLabel(user, "user", ticket), "You");
  assert.equal(senderLabel(admin, "user", ticket), "Support");
  assert.equal(senderLabel(user, "admin", ticket), "mara@example.com");
  assert.equal(senderLabel(user, "admin", { user_email: null }), "User 4");
  assert.equal(senderLabel(admin, "admin", ticket), "Support team");
});

test("one is one, and none is several", () => {
  assert.equal(plural(1, "ticket"), "1 ticket");
  assert.equal(plural(0, "ticket"), "0 tickets");
  assert.equal(plural(1200, "ticket"), "1,200 tickets");
});
