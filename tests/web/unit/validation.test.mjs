// Validation against the text limits of section 9, before the server validates.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  countCharacters,
  formatCounter,
  TEXT_RULES,
  validateText,
} from "../../../src/tickets/web/model/validation.js";

const LINE = { multiline: false };
const LINES = { multiline: true };

test("characters are code points, as the server counts them, not UTF-16 units", () => {
  assert.equal(countCharacters("👍👍👍", LINE), 3);
  assert.equal(countCharacters("e\u0301", LINES), 2);
});

test("white space at both ends does not count, white space in between does", () => {
  assert.equal(countCharacters(" \t\n a b \r\n\u3000", LINE), 3);
  assert.equal(countCharacters("\x85a\u2028", LINE), 1);
  assert.equal(countCharacters(" \n ", LINE), 0);
  assert.equal(countCharacters(" \n ", LINES), 0);
});

test("the indentation of a message's first line counts, blank lines before it do not", () => {
  assert.equal(countCharacters("\n \t\n  a\n\n", LINES), 3);
  assert.equal(countCharacters("\n \t\n  a\n\n", LINE), 1);
});

test("a CRLF counts as one character, and so does each replaced control character", () => {
  assert.equal(countCharacters("a\r\nb", LINES), 3);
  assert.equal(countCharacters("\x1ba\x9f", LINES), 3);
});

test("a byte order mark is no white space to the server", () => {
  assert.equal(countCharacters("\ufeffa\ufeff", LINE), 3);
});

test("the counter shows the count and the maximum", () => {
  assert.equal(formatCounter("  hello ", TEXT_RULES.subject), "5 / 200");
  assert.equal(formatCounter("  hello ", TEXT_RULES.reply), "7 / 5,000");
});

for (const [name, min, max] of [
  ["subject", 3, 200],
  ["message", 10, 5000],
  ["reply", 1, 5000],
]) {
  test(`${name} accepts ${min} to ${max} characters`, () => {
    const rule = TEXT_RULES[name];
    assert.equal(validateText("😀".repeat(min), rule), "");
    assert.equal(validateText("😀".repeat(max), rule), "");
    assert.match(validateText("x".repeat(min - 1), rule), min > 1 ? /at least/ : /empty/);
    assert.match(validateText("x".repeat(max + 1), rule), /at most/);
  });
}

test("a custom category is optional, and has at most 100 characters", () => {
  assert.equal(validateText("", TEXT_RULES.other_category), "");
  assert.equal(validateText("   ", TEXT_RULES.other_category), "");
  assert.match(validateText("x".repeat(101), TEXT_RULES.other_category), /at most 100/);
});

test("a text without visible characters is empty", () => {
  const marks = ["\u034f", "\ufe0f\u{e0100}", "\u17b4", "\u2065\ufff0\u{e0fff}", "\u{1d159}"];
  for (const text of ["", " \n ", "\u200b\u200b\u200b", "\u2800\u3164", "\u0007", ...marks]) {
    assert.match(validateText(text, TEXT_RULES.reply), /must not be empty/);
  }
  for (const text of ["❤\ufe0f", "\u0301", "\ue000", "\u{3fffd}"]) {
    assert.equal(validateText(text, TEXT_RULES.reply), "");
  }
});
