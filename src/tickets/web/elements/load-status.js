// Loading indicator and error message of a list or a thread that is not loaded.

import { button, h } from "../lib/dom.js";
import { dispatch } from "../lib/events.js";

/** Returns nodes to show in place of a model; their button dispatches `try-again` on `element`. */
export function loadStatus(element, { phase, error }) {
  if (phase === "loading") return [h("p", "Loading…")];
  if (phase !== "failed") return [];
  const message = h("p", error.message);
  // trying again does not help if the ticket does not exist
  if (error.status === 404) return [message];
  return [message, button("t-button", "Try again", () => dispatch(element, "try-again"))];
}
