// DOM builders. They create elements with calls and never parse HTML, so that text which people
// typed stays text.

import { exactTime } from "./time.js";

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * @template {string} Tag
 * @typedef {Tag extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[Tag] : HTMLElement}
 * TagElement
 */

/**
 * The element type of a selector such as `p.t-hint`.
 *
 * @template {string} Selector
 * @typedef {Selector extends `${infer Tag}.${string}` ? TagElement<Tag> : TagElement<Selector>}
 * SelectedElement
 */

/**
 * Creates an element ("hyperscript"): `h("p.t-hint", { id }, "text", child)`.
 *
 * Plain objects hold attributes. In them, `on…` adds a listener, `value` sets the property, and
 * null, undefined and false are skipped. All other parts are children; empty ones are skipped.
 *
 * @template {string} Selector
 * @param {Selector} selector tag name, then class names
 * @param {...(Record<string, unknown> | Child)} parts
 * @returns {SelectedElement<Selector>}
 */
export function h(selector, ...parts) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const part of parts) {
    if (isAttributes(part)) setAttributes(element, part);
    else if (part) element.append(part);
  }
  return /** @type {SelectedElement<Selector>} */ (element);
}

/**
 * @param {Record<string, unknown> | Child} part
 * @returns {part is Record<string, unknown>}
 */
function isAttributes(part) {
  return Boolean(part) && Object.getPrototypeOf(part) === Object.prototype;
}

/**
 * @param {HTMLElement} element
 * @param {Record<string, unknown>} attributes
 */
function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      element.addEventListener(name.slice("on".length), /** @type {EventListener} */ (value));
    } else if (name === "value") Object.assign(element, { value });
    else if (value || value === 0) element.setAttribute(name, value === true ? "" : `${value}`);
  }
}

/**
 * Creates an element for text that people typed: its first letters decide the writing direction.
 *
 * @template {string} Selector
 * @param {Selector} selector
 * @param {string} [text]
 * @param {Record<string, unknown>} [attributes]
 */
export const userText = (selector, text, attributes = {}) =>
  h(selector, { dir: "auto", ...attributes }, text);

/**
 * Creates a `<button>` that does not submit a form.
 *
 * @param {string} classes class names, separated by dots
 * @param {string} label
 * @param {(event: Event) => void} onclick
 */
export const button = (classes, label, onclick) =>
  h(`button.${classes}`, { type: "button", onclick }, label);

/**
 * Creates a `<select>` with an option for each `{ value: label }`.
 *
 * @param {Record<string, string>} choices
 * @param {Record<string, unknown>} [attributes]
 */
export const select = (choices, attributes = {}) =>
  h(
    "select",
    ...Object.entries(choices).map(([value, text]) => h("option", { value }, text)),
    attributes,
  );

let lastId = 0;

/**
 * Wraps a control together with its label.
 *
 * @param {string} selector of the wrapper
 * @param {string} label
 * @param {HTMLElement} control
 */
export function labelled(selector, label, control) {
  if (!control.id) {
    lastId += 1;
    control.id = `tickets-${lastId}`;
  }
  return h(selector, h("label", { for: control.id }, label), control);
}

/**
 * Sets text only where it differs: writing the same text again would drop the selection and make
 * live regions repeat themselves.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Shows a time in a `<time>`: formatted by `format`, exact in the tooltip and for machines.
 *
 * @param {HTMLTimeElement} element
 * @param {string} iso
 * @param {(iso: string) => string} format
 */
export function showTime(element, iso, format) {
  if (element.dateTime !== iso) Object.assign(element, { dateTime: iso, title: exactTime(iso) });
  setText(element, format(iso));
}

/** @param {Element} element */
export const hasFocus = (element) => element.contains(document.activeElement);

/** Returns whether the element that had the focus was removed or hidden. */
export function isFocusLost() {
  const { activeElement, body } = document;
  return !activeElement || activeElement === body || !activeElement.checkVisibility();
}
