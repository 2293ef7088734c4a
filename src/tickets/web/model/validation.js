// Validation of texts against the limits of section 9, with the server's way of counting: in
// characters (code points), after trimming.

import { formatNumber } from "../lib/numbers.js";
import { TEXT_LIMITS } from "./text-limits.js";

/** @typedef {import("./text-limits.js").TextLimits & { label: string }} TextRule */

/** @satisfies {Record<string, TextRule>} */
export const TEXT_RULES = {
  subject: { label: "Subject", ...TEXT_LIMITS.subject },
  message: { label: "Message", ...TEXT_LIMITS.firstMessage },
  other_category: { label: "Custom category", ...TEXT_LIMITS.otherCategory },
  reply: { label: "Reply", ...TEXT_LIMITS.reply },
};

// The white space that Python's `strip()` removes; `trim()` removes a slightly different set.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are white space to Python
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

// Any character that is not a control, a separator, ignorable by Unicode's definition, or a blank.
const VISIBLE = /[^\p{Cc}\p{Cf}\p{Cs}\p{Z}\p{DI}\u2800\u{1d159}]/u;

/**
 * Counts characters as the server does.
 *
 * @param {string} text
 */
export function countCharacters(text) {
  const characters = [...text];
  const first = characters.findIndex((character) => !SPACE.test(character));
  const last = characters.findLastIndex((character) => !SPACE.test(character));
  return first < 0 ? 0 : last - first + 1;
}

/**
 * Formats the character counter of a field: "12 / 5,000".
 *
 * @param {string} text
 * @param {Pick<TextRule, "maxLength">} rule
 */
export const formatCounter = (text, { maxLength }) =>
  `${formatNumber(countCharacters(text))} / ${formatNumber(maxLength)}`;

/**
 * Returns a sentence that says what is wrong with `text`; "" if it is valid.
 *
 * @param {string} text
 * @param {TextRule} rule
 */
export function validateText(text, { label, minLength, maxLength }) {
  const length = countCharacters(text);
  if (!VISIBLE.test(text)) return minLength || length ? `${label} must not be empty.` : "";
  if (length > maxLength) {
    return `${label} must be at most ${formatNumber(maxLength)} characters long.`;
  }
  return length < minLength ? `${label} must be at least ${minLength} characters long.` : "";
}
