// The limits of section 9, counted as the server counts: in characters, after trimming.

import { written } from "./labels.js";

export const LIMITS = {
  subject: { label: "Subject", least: 3, most: 200 },
  message: { label: "Message", least: 10, most: 5000 },
  other_category: { label: "Custom category", least: 0, most: 100 },
  reply: { label: "Reply", least: 1, most: 5000 },
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
export const counter = (text, { most }) => `${written(count(text))} / ${written(most)}`;

/** A sentence about what is wrong with `text` for this limit; "" where nothing is. */
export function problem(text, { label, least, most }) {
  const length = count(text);
  if (!VISIBLE.test(text)) return least || length ? `${label} must not be empty.` : "";
  if (length > most) return `${label} must be at most ${written(most)} characters long.`;
  return length < least ? `${label} must be at least ${least} characters long.` : "";
}
