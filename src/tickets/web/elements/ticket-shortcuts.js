// <ticket-shortcuts>: keyboard shortcuts of one key each, and a dialog that lists them.
//
// The dialog can turn them off, as WCAG 2.1.4 requires: speech input easily types a single letter.

import { h } from "../lib/dom.js";
import { LiveElement } from "../lib/live-element.js";
import { openStorage } from "../lib/storage.js";

const SHORTCUTS = {
  j: "Next ticket",
  k: "Previous ticket",
  Enter: "Open the ticket",
  r: "Reply",
  u: "Mark as unread",
  "/": "Filters",
  "?": "This list",
};
const SETTING = "tickets:keys";
const INPUTS = "input, textarea, select, dialog, [contenteditable]";

export class TicketShortcutsElement extends LiveElement {
  /** The function to call, by key. */
  commands = {};
  #storage = openStorage("localStorage");
  #checkbox = h("input", { type: "checkbox", onchange: () => this.#saveSetting() });
  #dialog = h(
    "dialog.t-dialog",
    { "aria-label": "Keyboard shortcuts" },
    h("h2", "Keyboard shortcuts"),
    h(
      "dl",
      ...Object.entries(SHORTCUTS).flatMap(([key, text]) => [
        h("dt", h("kbd", key)),
        h("dd", text),
      ]),
    ),
    h("label.t-check", this.#checkbox, "Use these keys"),
    h("form", { method: "dialog" }, h("button.t-button", "Close")),
  );

  connected(signal) {
    this.#checkbox.checked = this.#storage.getItem(SETTING) !== "off";
    this.append(this.#dialog);
    document.addEventListener("keydown", (event) => this.#handleKey(event), { signal });
  }

  open() {
    this.#dialog.showModal();
  }

  #saveSetting() {
    this.#storage.setItem(SETTING, this.#checkbox.checked ? "on" : "off");
  }

  #handleKey(event) {
    const { key, target } = event;
    // most keyboard layouts need Shift for "?"
    const isModified = event.ctrlKey || event.metaKey || event.altKey || event.isComposing;
    if (!Object.hasOwn(this.commands, key) || !this.#checkbox.checked || isModified) return;
    if (target.closest?.(INPUTS) || document.querySelector("dialog:modal")) return;
    event.preventDefault();
    this.commands[key]();
  }
}

customElements.define("ticket-shortcuts", TicketShortcutsElement);
