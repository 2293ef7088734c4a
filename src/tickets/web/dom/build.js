// Builds and updates DOM without ever reading text as HTML: what people typed stays text.

import { exactTime } from "../model/time.js";

/**
 * Make an element: `h("p.t-hint", { id }, "text", child)`. Objects are attributes, `on…` in them being
 * listeners and `value` the property; what is null, undefined or false is left out.
 */
export function h(name, ...parts) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const part of parts) {
    if (part?.constructor === Object) dress(element, part);
    else if (part) element.append(part);
  }
  return element;
}

function dress(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else if (value || value === 0) element.setAttribute(name, value === true ? "" : value);
  }
}

/** Text as people typed it: its direction follows its first letters. */
export const typed = (name, text, attributes = {}) => h(name, { dir: "auto", ...attributes }, text);

/** A select of `{value: label}`. */
export const select = (choices, attributes = {}) =>
  h("select", ...Object.entries(choices).map(([value, label]) => h("option", { value }, label)), attributes);

let uids = 0;

/** A label and what it labels. */
export function labelled(name, label, control) {
  control.id ||= `tickets-${++uids}`;
  return h(name, h("label", { for: control.id }, label), control);
}

/** Set text only where it is another one, so that selections and live regions are left alone. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Show a moment in a `<time>`: short as `format` has it, exact on hover and for machines. */
export function showTime(element, iso, format) {
  if (element.dateTime !== iso) Object.assign(element, { dateTime: iso, title: exactTime(iso) });
  setText(element, format(iso));
}

/** Tell the ancestors what a person wants, in an event named by a verb; false where one prevented it. */
export const want = (element, verb, detail) =>
  element.dispatchEvent(new CustomEvent(verb, { bubbles: true, cancelable: true, detail }));

export const button = (name, label, onclick) => h(`button.${name}`, { type: "button", onclick }, label);

/** Why there is nothing to see of a model: it is being loaded, or could not be; wants `try-again`. */
export function reasons(element, { phase, error }) {
  if (phase === "loading") return [h("p", "Loading…")];
  if (phase !== "failed") return [];
  const again = button("t-button", "Try again", () => want(element, "try-again"));
  return error.status === 404 ? [h("p", error.message)] : [h("p", error.message), again];
}

/** Answer to such events: `{verb: (detail) => …}`. */
export function answer(element, verbs) {
  for (const [verb, act] of Object.entries(verbs)) {
    element.addEventListener(verb, ({ detail }) => act(detail));
  }
}

export const isFocused = (element) => element.contains(document.activeElement);

/** Whether what had the focus is gone. */
export function focusIsLost() {
  const { activeElement, body } = document;
  return !activeElement || activeElement === body || !activeElement.checkVisibility();
}

/** Elements that listen beyond themselves extend this: `connected(signal)` is until they leave the page. */
export class Live extends HTMLElement {
  #live = null;

  connectedCallback() {
    this.#live = new AbortController();
    this.connected(this.#live.signal);
  }

  disconnectedCallback() {
    this.#live.abort();
  }
}

const KEY = Symbol("key");
const FRAME = Symbol("frame");
const BATCH = 50;

/**
 * Make the children of `parent` those of `items`, in this order, keeping the ones that are there
 * already: and with them focus, selection and scroll position.
 *
 * Of many new ones, some are made at once and the others frame by frame, so that none takes long: the
 * first of them first, or the `last`.
 */
export function reconcile(parent, all, how) {
  const { key, create, update, last } = how;
  const size = parent.childElementCount + BATCH;
  cancelAnimationFrame(parent[FRAME]);
  if (size < all.length) parent[FRAME] = requestAnimationFrame(() => reconcile(parent, all, how));
  const items = last ? all.slice(-size) : all.slice(0, size);
  const keys = new Set(items.map(key));
  const known = new Map();
  for (const child of [...parent.children]) {
    if (keys.has(child[KEY])) known.set(child[KEY], child);
    else child.remove();
  }
  const focused = document.activeElement;
  const batch = parent.firstElementChild ? parent : document.createDocumentFragment();
  let next = batch.firstElementChild;
  for (const item of items) {
    const child = known.get(key(item)) ?? Object.assign(create(item), { [KEY]: key(item) });
    update(child, item);
    if (child === next) next = child.nextElementSibling;
    else batch.insertBefore(child, next);
  }
  if (batch !== parent) parent.append(batch);
  // a child that has moved has lost it
  if (focusIsLost() && parent.contains(focused)) focused.focus({ preventScroll: true });
}
