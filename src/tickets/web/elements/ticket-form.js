// <ticket-form>: a form that sends once, keeps what was typed, and says what is wrong where it is wrong.

import { focusIsLost, h, isFocused, setText, want } from "../dom/build.js";

const SIGNED_OUT = "This was not sent, because you were no longer signed in. Please send it again.";

/**
 * Make a form of `fields` (see dom/field.js), by their names on the wire. It wants `verb` when it is to
 * be sent, and `write-draft` with each change, both with the fields' values.
 */
export const form = (verb, label, fields, aside) =>
  Object.assign(document.createElement("ticket-form"), { verb, label, fields, aside });

export class TicketForm extends HTMLElement {
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
        // the browser would count otherwise than the server does
        novalidate: true,
        onsubmit: (event) => this.#submit(event),
        onkeydown: (event) => this.#press(event),
        oninput: () => want(this, "write-draft", this.values),
      },
      ...this.#fields.map(({ root }) => root),
      this.#alert,
      h("div.t-actions", this.#button, this.aside),
    );
    this.append(this.#form);
    this.values = this.values;
  }

  /** What was typed, by the fields' names. */
  get values() {
    const entries = Object.entries(this.fields);
    return Object.fromEntries(entries.map(([name, { control }]) => [name, control.value]));
  }

  set values(values) {
    for (const [name, { control, measure }] of Object.entries(this.fields)) {
      control.value = values[name] ?? control.options?.[0].value ?? "";
      measure();
    }
    setText(this.#alert, "");
  }

  get sending() {
    return this.#button.disabled;
  }

  /** While it is being sent nothing can be changed or sent again; afterwards focus is where it was. */
  set sending(sending) {
    if (sending) {
      this.#focused = isFocused(this) ? document.activeElement : null;
      setText(this.#alert, "");
    }
    this.#button.disabled = sending;
    this.#form.setAttribute("aria-busy", sending);
    for (const { control } of this.#fields) {
      // a disabled control loses the focus; a select knows no other way
      control[control.options ? "disabled" : "readOnly"] = sending;
    }
    if (!sending && focusIsLost()) this.#focused?.focus();
  }

  /** Show why it was not sent: at the fields, and in an alert. */
  set failure({ status, message, fields }) {
    for (const error of fields) this.fields[error.field]?.fail(error.message);
    const kept = [400, 404].includes(status) ? "" : " What you typed is kept.";
    setText(this.#alert, (status === 401 ? SIGNED_OUT : message) + kept);
    this.#focusInvalid();
  }

  focus() {
    this.#fields[0].control.focus();
  }

  get #fields() {
    return Object.values(this.fields);
  }

  #submit(event) {
    event.preventDefault();
    if (this.#button.disabled) return;
    const fine = this.#fields.map((field) => field.check());
    if (fine.includes(false)) this.#focusInvalid();
    else want(this, this.verb, this.values);
  }

  #press(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    event.preventDefault();
    if (!event.repeat) this.#form.requestSubmit();
  }

  #focusInvalid() {
    this.querySelector("[aria-invalid]")?.focus();
  }
}

customElements.define("ticket-form", TicketForm);
