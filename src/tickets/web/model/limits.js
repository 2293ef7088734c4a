// The limits of section 9, counted as the server counts: in characters, after trimming.

import { written } from "./labels.js";
import { TEXT_LIMITS } from "./text-limits.js";

export const LIMITS = {
  subject: { label: "Subject", ...TEXT_LIMITS.subject },
  message: { label: "Message", ...TEXT_LIMITS.firstMessage },
  other_category: { label: "Custom category", ...TEXT_LIMITS.otherCategory },
  reply: { label: "Reply", ...TEXT_LIMITS.reply },
};

// The white space of the server's `strip()`, which is not quite that of `trim()`.
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

// A text of nothing but the others shows nothing: controls, separators, what Unicode says is shown as nothing, and blanks.
const VISIBLE = /[^\p{Cc}\p{Cf}\p{Cs}\p{Z}\p{DI}\u2800\u{1d159}]/u;

/** How many characters the server will count. */
export function count(text) {
  const characters = [...text];
  let [start, end] = [0, characters.length];
  while (start < end && SPACE.test(characters[start])) start += 1;
  while (start < end && SPACE.test(characters[end - 1])) end -= 1;
  return end - start;
}

/** "12 / 5,000", for the counter. */
export const counter = (text, { maxLength }) => `${written(count(text))} / ${written(maxLength)}`;

/** A sentence about what is wrong with `text` for this limit; "" where nothing is. */
export function problem(text, { label, minLength, maxLength }) {
  const length = count(text);
  if (!VISIBLE.test(text)) return minLength || length ? `${label} must not be empty.` : "";
  if (length > maxLength) return `${label} must be at most ${written(maxLength)} characters long.`;
  return length < minLength ? `${label} must be at least ${minLength} characters long.` : "";
}
