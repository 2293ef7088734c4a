// Date and time formats: relative in lists, days and clock times in threads, exact in tooltips.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

// The interface is in English, so dates use the reader's own variant of English.
const LOCALE = globalThis.navigator?.languages?.find((tag) => /^en\b/i.test(tag)) ?? "en";

/** @typedef {Intl.DateTimeFormatOptions} Options */

/** @type {Options} */
const EXACT = { dateStyle: "full", timeStyle: "medium" };
/** @type {Options} */
const CLOCK = { timeStyle: "short" };
/** @type {Options} */
const SHORT_DATE = { day: "numeric", month: "short" };
/** @type {Options} */
const LONG_DATE = { weekday: "long", day: "numeric", month: "long" };

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/**
 * Formats a date. Formats are cached: creating one takes as long as using it a thousand times.
 *
 * @param {Date} date
 * @param {Options} options
 */
function format(date, options) {
  const key = JSON.stringify(options);
  let cached = formats.get(key);
  if (!cached) {
    cached = new Intl.DateTimeFormat(LOCALE, options);
    formats.set(key, cached);
  }
  return cached.format(date);
}

/**
 * Formats a date, with its year unless that is the current one.
 *
 * @param {Date} date
 * @param {Date} now
 * @param {Options} options
 */
const formatDate = (date, now, options) =>
  format(
    date,
    date.getFullYear() === now.getFullYear() ? options : { ...options, year: "numeric" },
  );

/**
 * Numbers the days of the reader's time zone, whatever the clocks do in between.
 *
 * @param {Date} date
 */
const dayNumber = (date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY;

/**
 * Formats how long ago something was: "5 min ago", "yesterday", "3 Feb".
 *
 * @param {string} iso
 * @param {number} [now] milliseconds since the epoch
 */
export function relativeTime(iso, now = Date.now()) {
  const date = new Date(iso);
  const today = new Date(now);
  const age = now - date.getTime();
  // negative where the server's clock is a little ahead
  if (age < MINUTE) return "just now";
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min ago`;
  const days = dayNumber(today) - dayNumber(date);
  if (days === 0 || age < 6 * HOUR) return `${Math.floor(age / HOUR)} h ago`;
  if (days === 1) return "yesterday";
  if (days < 7) return `${days} days ago`;
  return formatDate(date, today, SHORT_DATE);
}

/**
 * Formats date and time in full, for tooltips.
 *
 * @param {string} iso
 */
export const exactTime = (iso) => format(new Date(iso), EXACT);

/**
 * Formats the time of day: "14:32".
 *
 * @param {string} iso
 */
export const clockTime = (iso) => format(new Date(iso), CLOCK);

/**
 * Identifies a day in the reader's time zone: equal for two times of one day.
 *
 * @param {string} iso
 */
export const dayKey = (iso) => dayNumber(new Date(iso));

/**
 * Formats a day as a heading: "Today", "Yesterday", "Monday 2 February".
 *
 * @param {string} iso
 * @param {number} [now] milliseconds since the epoch
 */
export function dayLabel(iso, now = Date.now()) {
  const date = new Date(iso);
  const today = new Date(now);
  const days = dayNumber(today) - dayNumber(date);
  if (days < 2) return days === 1 ? "Yesterday" : "Today";
  return formatDate(date, today, LONG_DATE);
}
