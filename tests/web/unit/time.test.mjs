// Date and time formats.

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";

// biome-ignore lint/style/noProcessEnv: the time zone of the reader
process.env.TZ = "Europe/Berlin";
const { clockTime, dayKey, dayLabel, exactTime, relativeTime } = await import(
  "../../../src/tickets/web/lib/time.js"
);

const NOW = Date.parse("2026-02-03T15:00:00+01:00");
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const ago = (milliseconds) => new Date(NOW - milliseconds).toISOString();

test("the relative time gets coarser with age", () => {
  assert.equal(relativeTime(ago(20_000), NOW), "just now");
  assert.equal(relativeTime(ago(5 * MINUTE), NOW), "5 min ago");
  assert.equal(relativeTime(ago(3 * HOUR), NOW), "3 h ago");
  assert.equal(relativeTime(ago(DAY), NOW), "yesterday");
  assert.equal(relativeTime(ago(4 * DAY), NOW), "4 days ago");
  assert.match(relativeTime(ago(30 * DAY), NOW), /^(Jan 4|4 Jan)$/);
  assert.match(relativeTime(ago(400 * DAY), NOW), /2024/);
});

test("a time in the future, from a server whose clock is ahead, is just now", () => {
  assert.equal(relativeTime(ago(-30_000), NOW), "just now");
});

test("a time before midnight is not yesterday two hours later", () => {
  const now = Date.parse("2026-02-03T01:00:00+01:00");
  assert.equal(relativeTime("2026-02-02T23:00:00+01:00", now), "2 h ago");
});

test("times with microseconds are parsed", () => {
  assert.equal(relativeTime("2026-02-03T13:50:30.123456+00:00", NOW), "9 min ago");
  assert.match(exactTime("2026-02-03T10:15:30.123456+00:00"), /2026.*11:15:30/);
  assert.match(clockTime("2026-02-03T10:15:30.123456Z"), /^11:15/);
});

test("days are those of the reader's time zone", () => {
  const beforeMidnight = "2026-02-02T22:59:59Z";
  const afterMidnight = "2026-02-02T23:00:01Z";
  assert.notEqual(dayKey(beforeMidnight), dayKey(afterMidnight));
  assert.equal(dayKey(afterMidnight), dayKey("2026-02-03T10:00:00Z"));
});

test("a day's label is relative to today", () => {
  assert.equal(dayLabel(ago(HOUR), NOW), "Today");
  assert.equal(dayLabel(ago(DAY), NOW), "Yesterday");
  assert.match(dayLabel(ago(3 * DAY), NOW), /^Saturday,? (January 31|31 January)$/);
  assert.match(dayLabel("2025-12-24T12:00:00Z", NOW), /Wednesday.*2025/);
});

test("a change to daylight saving time does not move a day", () => {
  const now = Date.parse("2026-03-30T12:00:00+02:00");
  assert.equal(dayLabel("2026-03-29T01:30:00+01:00", now), "Yesterday");
  assert.equal(relativeTime("2026-03-28T12:00:00+01:00", now), "2 days ago");
});
