// What statuses, categories and people are called.

export const STATUSES = {
  open: "Open",
  in_progress: "In progress",
  resolved: "Resolved",
  closed: "Closed",
};

export const CATEGORIES = {
  support: "Support",
  billing: "Billing",
  feature_suggestion: "Feature Suggestion",
  other: "Other",
};

/** A ticket's category as people read it: the user's own words where it is "other". */
export const categoryLabel = ({ category, other_category: custom }) =>
  (category === "other" && custom) || CATEGORIES[category] || category;

/** Who wrote a message, as the reader on `side` calls them. */
export function senderLabel(message, side, ticket) {
  if (message.sender_type === "admin") return side === "admin" ? "Support team" : "Support";
  return side === "user" ? "You" : ticket.user_email || `User ${message.sender_id}`;
}

/** "5,000"; the browser's own formatting takes its time to get ready. */
export const written = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");

/** `plural(2, "ticket")` is "2 tickets". */
export const plural = (count, noun) => `${written(count)} ${noun}${count === 1 ? "" : "s"}`;
