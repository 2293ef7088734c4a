// Times as people read them: relative in lists, days and clock times in threads, exact on hover.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

// The interface is in English; of its flavours, the reader's.
const LOCALE = globalThis.navigator?.languages?.find((tag) => /^en\b/i.test(tag)) ?? "en";

const EXACT = { dateStyle: "full", timeStyle: "medium" };
const CLOCK = { timeStyle: "short" };
const SHORT_DATE = { day: "numeric", month: "short" };
const LONG_DATE = { weekday: "long", day: "numeric", month: "long" };

const formats = new Map();
function formatted(date, options, year = "") {
  const key = options.timeStyle + options.month + year;
  // making one takes as long as using it a thousand times
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(LOCALE, year ? { ...options, year } : options));
  return formats.get(key).format(date);
}

const dayNumber = (date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY;

/** "5 min ago", "yesterday", "3 Feb": how long ago, as coarse as people say it. */
export function relativeTime(iso, now = Date.now()) {
  const date = new Date(iso);
  const age = now - date;
  // also where the server's clock is a little ahead
  if (age < MINUTE) return "just now";
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min ago`;
  const days = dayNumber(new Date(now)) - dayNumber(date);
  if (days === 0 || age < 6 * HOUR) return `${Math.floor(age / HOUR)} h ago`;
  if (days === 1) return "yesterday";
  if (days < 7) return `${days} days ago`;
  return dated(date, now, SHORT_DATE);
}

/** The exact time, for `title`. */
export const exactTime = (iso) => formatted(new Date(iso), EXACT);

/** "14:32", in the reader's own way. */
export const clockTime = (iso) => formatted(new Date(iso), CLOCK);

/** Which day, in the reader's time zone: equal for two messages of one day. */
export const dayKey = (iso) => dayNumber(new Date(iso));

/** "Today", "Yesterday", "Monday 2 February": what stands above a day's messages. */
export function dayLabel(iso, now = Date.now()) {
  const date = new Date(iso);
  const days = dayNumber(new Date(now)) - dayNumber(date);
  if (days < 2) return days === 1 ? "Yesterday" : "Today";
  return dated(date, now, LONG_DATE);
}

/** A date, with its year where that is not this one. */
function dated(date, now, options) {
  const thisYear = date.getFullYear() === new Date(now).getFullYear();
  return formatted(date, options, thisYear ? "" : "numeric");
}
