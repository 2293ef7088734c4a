// Validation of texts against the limits of section 9, with the server's way of counting: in
// characters (code points), after normalisation.

import { formatNumber } from "../lib/numbers.js";
import { normalizeLine, normalizeLines } from "../lib/text.js";
import { TEXT_LIMITS } from "./text-limits.js";

/** @typedef {import("./text-limits.js").TextLimits & { label: string }} TextRule */

/** @satisfies {Record<string, TextRule>} */
export const TEXT_RULES = {
  subject: { label: "Subject", ...TEXT_LIMITS.subject },
  message: { label: "Message", ...TEXT_LIMITS.firstMessage },
  other_category: { label: "Custom category", ...TEXT_LIMITS.otherCategory },
  reply: { label: "Reply", ...TEXT_LIMITS.reply },
};

// Any character that is not a control, a separator, ignorable by Unicode's definition, or a blank.
const VISIBLE = /[^\p{Cc}\p{Cf}\p{Cs}\p{Z}\p{DI}\u2800\u{1d159}]/u;

/**
 * Counts characters as the server does.
 *
 * @param {string} text
 * @param {Pick<TextRule, "multiline">} rule
 */
export const countCharacters = (text, { multiline }) =>
  [...(multiline ? normalizeLines : normalizeLine)(text)].length;

/**
 * Formats the character counter of a field: "12 / 5,000".
 *
 * @param {string} text
 * @param {TextRule} rule
 */
export const formatCounter = (text, rule) =>
  `${formatNumber(countCharacters(text, rule))} / ${formatNumber(rule.maxLength)}`;

/**
 * Returns a sentence that says what is wrong with `text`; "" if it is valid.
 *
 * @param {string} text
 * @param {TextRule} rule
 */
export function validateText(text, rule) {
  const { label, minLength, maxLength } = rule;
  const length = countCharacters(text, rule);
  if (!VISIBLE.test(text)) return minLength || length ? `${label} must not be empty.` : "";
  if (length > maxLength) {
    return `${label} must be at most ${formatNumber(maxLength)} characters long.`;
  }
  return length < minLength ? `${label} must be at least ${minLength} characters long.` : "";
}
