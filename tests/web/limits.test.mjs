// The limits of section 9: what a form says before the server would.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LIMITS, count, counter, problem } from "../../src/tickets/web/model/limits.js";

test("characters are counted as the server counts them, not as UTF-16 has them", () => {
  assert.equal(count("👍👍👍"), 3);
  assert.equal(count("e\u0301"), 2);
});

test("white space at both ends does not count, what is between does", () => {
  assert.equal(count(" \t\n a b \r\n\u3000"), 3);
  assert.equal(count("\x1c\x85a\u2028"), 1);
});

test("a byte order mark is no white space to the server", () => {
  assert.equal(count("\ufeffa\ufeff"), 3);
});

test("the counter shows the count against the limit", () => {
  assert.equal(counter("  hello ", LIMITS.reply), "5 / 5,000");
});

for (const [name, least, most] of [["subject", 3, 200], ["message", 10, 5000], ["reply", 1, 5000]]) {
  test(`${name} takes ${least} to ${most} characters`, () => {
    assert.equal(problem("😀".repeat(least), LIMITS[name]), "");
    assert.equal(problem("😀".repeat(most), LIMITS[name]), "");
    assert.match(problem("x".repeat(least - 1), LIMITS[name]), least > 1 ? /at least/ : /empty/);
    assert.match(problem("x".repeat(most + 1), LIMITS[name]), /at most/);
  });
}

test("a custom category may be left out, and has 100 characters at the most", () => {
  assert.equal(problem("", LIMITS.other_category), "");
  assert.equal(problem("   ", LIMITS.other_category), "");
  assert.match(problem("x".repeat(101), LIMITS.other_category), /at most 100/);
});

test("a text that shows nothing is empty", () => {
  const marks = ["\u034f", "\ufe0f\u{e0100}", "\u17b4", "\u2065\ufff0\u{e0fff}", "\u{1d159}"];
  for (const text of ["", " \n ", "\u200b\u200b\u200b", "\u2800\u3164", "\u0007", ...marks]) {
    assert.match(problem(text, LIMITS.reply), /must not be empty/);
  }
  for (const text of ["❤\ufe0f", "\u0301", "\ue000", "\u{3fffd}"]) {
    assert.equal(problem(text, LIMITS.reply), "");
  }
});

