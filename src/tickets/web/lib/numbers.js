// Numbers in English text.

/**
 * Formats a number with thousands separators: "5,000". `Intl.NumberFormat` would be slower to
 * start.
 *
 * @param {number} number
 */
export const formatNumber = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");

/**
 * Formats a count with its noun: `plural(2, "ticket")` is "2 tickets".
 *
 * @param {number} count
 * @param {string} noun
 */
export const plural = (count, noun) => `${formatNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
