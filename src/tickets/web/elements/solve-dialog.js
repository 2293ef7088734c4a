// Dialog that asks a user whether to close their ticket.

import { button, h } from "../lib/dom.js";

const QUESTION = "Close this ticket?";

/**
 * Creates the dialog; `onSolve` is called once it is confirmed. It is asked before, since a user
 * cannot undo it: only the admins open a closed ticket again.
 */
export function createSolveDialog(onSolve) {
  const close = () => dialog.close();
  const solve = () => {
    close();
    onSolve();
  };
  const dialog = h(
    "dialog.t-dialog",
    { "aria-label": QUESTION },
    h("h2", QUESTION),
    h("p", "It takes no further replies then. You can open a follow-up at any time."),
    h(
      "div.t-actions",
      button("t-button.t-primary", "Close ticket", solve),
      button("t-button", "Keep it open", close),
    ),
  );
  return dialog;
}
