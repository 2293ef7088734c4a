// Normalisation of texts; test_text_rules_agree.py compares it with the service's.

import assert from "node:assert/strict";
import { test } from "node:test";

import { normalizeLine, normalizeLines } from "../../../src/tickets/web/lib/text.js";

const BREAKS = ["\r\n", "\n", "\r", "\v", "\f", "\x85", "\u2028", "\u2029"];

for (const lineBreak of BREAKS) {
  test(`${JSON.stringify(lineBreak)} ends a line`, () => {
    assert.equal(normalizeLines(`a${lineBreak}b`), "a\nb");
    assert.equal(normalizeLine(`a${lineBreak}b`), "a b");
  });
}

test("other control characters become visible, except tab", () => {
  assert.equal(normalizeLines("\x07a\tb\x1b\x7f\x9b"), "\ufffda\tb\ufffd\ufffd\ufffd");
  assert.equal(normalizeLine("a\x1cb\tc"), "a\ufffdb\tc");
});

test("blank lines before the first line go, its indentation stays", () => {
  assert.equal(normalizeLines("\n \t\r\n\u3000\n  if a:\n    b\n \n"), "  if a:\n    b");
  assert.equal(normalizeLine("\n  if a:\n    b\n"), "if a:     b");
  assert.equal(normalizeLines(" \n \u2028 "), "");
});
