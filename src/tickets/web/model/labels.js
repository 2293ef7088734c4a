// Labels: what the pages call statuses, categories and senders.

import { normalizeLine } from "../lib/text.js";

/** @typedef {import("./api.js").Ticket} Ticket */
/** @typedef {import("./api.js").Message} Message */
/** @typedef {import("./api.js").Side} Side */

/** @type {Record<string, string>} */
export const STATUSES = {
  open: "Open",
  in_progress: "In progress",
  resolved: "Resolved",
  closed: "Closed",
};

/** @type {Record<string, string>} */
export const CATEGORIES = {
  support: "Support",
  billing: "Billing",
  feature_suggestion: "Feature Suggestion",
  other: "Other",
};

/**
 * Returns the label of a ticket's category: the user's own words if it is "other".
 *
 * @param {Pick<Ticket, "category" | "other_category">} ticket
 */
export const categoryLabel = ({ category, other_category: custom }) =>
  (category === "other" && normalizeLine(custom ?? "")) || CATEGORIES[category] || category;

/**
 * Returns what a reader on `side` calls the sender of a message.
 *
 * @param {Pick<Message, "sender_type" | "sender_id" | "sender_name">} message
 * @param {Side} side
 * @param {Pick<Ticket, "user_email">} ticket
 */
export function senderLabel(message, side, ticket) {
  if (message.sender_name) return message.sender_name;
  if (message.sender_type === "admin") return side === "admin" ? "Support team" : "Support";
  return side === "user" ? "You" : ticket.user_email || `User ${message.sender_id}`;
}
