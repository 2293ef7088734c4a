// <ticket-keys>: single keys as commands, a dialog that lists them, and a way to turn them off: a single
// letter is easily said to a computer that listens (WCAG 2.1.4).

import { Live, h } from "../dom/build.js";
import { storageOf } from "../model/connection.js";

const KEYS = {
  j: "Next ticket",
  k: "Previous ticket",
  Enter: "Open the ticket",
  r: "Reply",
  u: "Mark as unread",
  "/": "Filters",
  "?": "This list",
};
const SETTING = "tickets:keys";
const TYPING = "input, textarea, select, dialog, [contenteditable]";

export class TicketKeys extends Live {
  /** What to run, by key. */
  commands = {};
  #storage = storageOf("localStorage");
  #box = h("input", { type: "checkbox", onchange: () => this.#keep() });
  #dialog = h(
    "dialog.t-dialog",
    { "aria-label": "Keyboard shortcuts" },
    h("h2", "Keyboard shortcuts"),
    h("dl", ...Object.entries(KEYS).flatMap(([key, text]) => [h("dt", h("kbd", key)), h("dd", text)])),
    h("label.t-check", this.#box, "Use these keys"),
    h("form", { method: "dialog" }, h("button.t-button", "Close")),
  );

  connected(signal) {
    this.#box.checked = this.#storage.getItem(SETTING) !== "off";
    this.append(this.#dialog);
    document.addEventListener("keydown", (event) => this.#press(event), { signal });
  }

  open() {
    this.#dialog.showModal();
  }

  #keep() {
    this.#storage.setItem(SETTING, this.#box.checked ? "on" : "off");
  }

  #press(event) {
    const { key, target } = event;
    // shift is allowed: "?" takes one on most keyboards
    const modified = event.ctrlKey || event.metaKey || event.altKey || event.isComposing;
    if (!Object.hasOwn(this.commands, key) || !this.#box.checked || modified) return;
    if (target.closest?.(TYPING) || document.querySelector("dialog:modal")) return;
    event.preventDefault();
    this.commands[key]();
  }
}

customElements.define("ticket-keys", TicketKeys);
