// <ticket-form>: a form that validates its fields, is sent once, and shows errors at their fields.
// Dispatches `write-draft` with each change, and an event of its own when it is submitted; both
// carry the fields' values.

import { h, hasFocus, isFocusLost, setText } from "../lib/dom.js";
import { dispatch } from "../lib/events.js";

const SIGNED_OUT = "This was not sent, because you were no longer signed in. Please send it again.";
// what was typed is the reason for these, so there is no point in saying that it is kept
const REFUSALS = [400, 404];

/**
 * Creates a form.
 *
 * @param {object} options
 * @param {string} options.submitEvent type of the event when it is submitted
 * @param {string} options.label of the submit button
 * @param {object} options.fields from `textField`, by their names in the API
 * @param {Node} [options.aside] beside the submit button
 */
export const createForm = (options) =>
  Object.assign(document.createElement("ticket-form"), options);

export class TicketFormElement extends HTMLElement {
  #alert = h("p.t-alert", { role: "alert" });
  #button = h("button.t-button.t-primary");
  #form = null;
  #focused = null;

  connectedCallback() {
    if (this.#form) return;
    this.#button.append(this.label);
    this.#form = h(
      "form",
      {
        // the browser counts characters in another way than the server
        novalidate: true,
        onsubmit: (event) => this.#handleSubmit(event),
        onkeydown: (event) => this.#handleKey(event),
        oninput: () => dispatch(this, "write-draft", this.values),
      },
      ...this.#fields.map(({ root }) => root),
      this.#alert,
      h("div.t-actions", this.#button, this.aside),
    );
    this.append(this.#form);
    for (const { updateCounter } of this.#fields) updateCounter();
  }

  /** What was typed, by the fields' names. */
  get values() {
    const entries = Object.entries(this.fields);
    return Object.fromEntries(entries.map(([name, { control }]) => [name, control.value]));
  }

  set values(values) {
    for (const [name, { control, updateCounter }] of Object.entries(this.fields)) {
      control.value = values[name] ?? control.options?.[0].value ?? "";
      updateCounter();
    }
    setText(this.#alert, "");
  }

  get sending() {
    return this.#button.disabled;
  }

  /** Disables the form while it is being sent, then restores the focus. */
  set sending(sending) {
    if (sending) {
      this.#focused = hasFocus(this) ? document.activeElement : null;
      setText(this.#alert, "");
    }
    this.#button.disabled = sending;
    this.#form.setAttribute("aria-busy", sending);
    for (const { control } of this.#fields) {
      // a read-only control keeps the focus, but a <select> can only be disabled
      control[control.options ? "disabled" : "readOnly"] = sending;
    }
    if (!sending && isFocusLost()) this.#focused?.focus();
  }

  /** Shows an ApiError: its parts at their fields, its sentence in an alert. */
  showFailure({ status, message, fields }) {
    for (const error of fields) this.fields[error.field]?.showError(error.message);
    const hint = REFUSALS.includes(status) ? "" : " Your text is kept.";
    setText(this.#alert, (status === 401 ? SIGNED_OUT : message) + hint);
    this.#focusInvalid();
  }

  focus() {
    this.#fields[0].control.focus();
  }

  get #fields() {
    return Object.values(this.fields);
  }

  #handleSubmit(event) {
    event.preventDefault();
    if (this.#button.disabled) return;
    // validate all fields, to show every error at once
    const results = this.#fields.map((field) => field.validate());
    if (results.every(Boolean)) dispatch(this, this.submitEvent, this.values);
    else this.#focusInvalid();
  }

  /** Submits on Ctrl+Enter and ⌘+Enter. */
  #handleKey(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    event.preventDefault();
    if (!event.repeat) this.#form.requestSubmit();
  }

  #focusInvalid() {
    this.querySelector("[aria-invalid]")?.focus();
  }
}

customElements.define("ticket-form", TicketFormElement);
