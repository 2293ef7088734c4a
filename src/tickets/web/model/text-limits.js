// Length limits of texts, in characters after trimming. Generated from tickets.domain.text_limits;
// do not edit. `just docs` rewrites it.

/**
 * A minimum of 0 makes a field optional.
 *
 * @typedef {object} TextLimits
 * @property {number} minLength
 * @property {number} maxLength
 */

/** @satisfies {Record<string, TextLimits>} */
export const TEXT_LIMITS = {
  subject: { minLength: 3, maxLength: 200 },
  firstMessage: { minLength: 10, maxLength: 5000 },
  reply: { minLength: 1, maxLength: 5000 },
  otherCategory: { minLength: 0, maxLength: 100 },
};
