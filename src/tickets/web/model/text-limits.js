// Length limits of texts, in characters after normalisation. Generated from
// tickets.domain.text_limits; do not edit. `just docs` rewrites it.

/**
 * A minimum of 0 makes a field optional. A field that is not multi-line holds one line.
 *
 * @typedef {object} TextLimits
 * @property {number} minLength
 * @property {number} maxLength
 * @property {boolean} multiline
 */

/** @satisfies {Record<string, TextLimits>} */
export const TEXT_LIMITS = {
  subject: { minLength: 3, maxLength: 200, multiline: false },
  firstMessage: { minLength: 10, maxLength: 5000, multiline: true },
  reply: { minLength: 1, maxLength: 5000, multiline: true },
  otherCategory: { minLength: 0, maxLength: 100, multiline: false },
};
