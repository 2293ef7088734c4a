// Normalisation of texts: the rules of `tickets.domain.text_rules`, for counting what somebody
// types and for showing texts that other programs stored. A second pass changes nothing.

// What ends a line in Unicode. CRLF is one line break.
const LINE_BREAK = /\r\n?|[\n\v\f\x85\u2028\u2029]/g;

// Control characters that are neither a tab nor a line break.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
const CONTROL = /[\0-\x08\x0e-\x1f\x7f-\x9f]/g;
const REPLACEMENT = "\ufffd";

// The white space that Python's `strip()` removes; `trim()` removes a slightly different set. The
// line breaks among it are `\n` by then.
const SPACE = /[\t\n \xa0\u1680\u2000-\u200a\u202f\u205f\u3000]/;

/**
 * Normalises a text of several lines. White space is trimmed at both ends; only the indentation of
 * the first line stays.
 *
 * @param {string} text
 */
export function normalizeLines(text) {
  const lines = replaceControls(text, "\n");
  const [start, end] = textRange(lines);
  return start < end ? lines.slice(lines.lastIndexOf("\n", start) + 1, end) : "";
}

/**
 * Makes one line of a text, trimmed at both ends.
 *
 * @param {string} text
 */
export function normalizeLine(text) {
  const line = replaceControls(text, " ");
  return line.slice(...textRange(line));
}

/**
 * @param {string} text
 * @param {string} lineBreak
 */
const replaceControls = (text, lineBreak) =>
  text.replace(LINE_BREAK, lineBreak).replace(CONTROL, REPLACEMENT);

/**
 * Returns where the text without the white space at its ends starts and ends. A regular expression
 * for this would take quadratic time on long runs of spaces.
 *
 * @param {string} text
 * @returns {[number, number]}
 */
function textRange(text) {
  let [start, end] = [0, text.length];
  while (start < end && SPACE.test(text[start])) start += 1;
  while (end > start && SPACE.test(text[end - 1])) end -= 1;
  return [start, end];
}
