// Keyed list reconciliation, in batches: makes the children of an element match a list of items.

import { isFocusLost } from "./dom.js";

/** @type {WeakMap<Element, unknown>} */
const keys = new WeakMap();
/** @type {WeakMap<Element, number>} */
const frames = new WeakMap();
const BATCH_SIZE = 50;

/**
 * Makes the children of `parent` those of `items`, in this order. Existing children are kept by
 * key, and with them focus, selection and scroll position.
 *
 * Each animation frame adds at most one batch, so that no frame takes long: from the first item on,
 * or with `last` from the last item backwards.
 *
 * @template Item
 * @param {Element} parent
 * @param {Item[]} items
 * @param {object} how
 * @param {(item: Item) => unknown} how.key
 * @param {(item: Item) => HTMLElement} how.create
 * @param {(child: HTMLElement, item: Item) => void} how.update also called for new children
 * @param {boolean} [how.last]
 * @param {(work: () => void) => void} [how.around] called with each batch's work
 */
export function reconcile(parent, items, how) {
  const size = parent.childElementCount + BATCH_SIZE;
  cancelAnimationFrame(frames.get(parent) ?? 0);
  if (size < items.length) {
    frames.set(
      parent,
      requestAnimationFrame(() => reconcile(parent, items, how)),
    );
  }
  const focused = document.activeElement;
  const batch = how.last ? items.slice(-size) : items.slice(0, size);
  const { around = (work) => work() } = how;
  around(() => updateChildren(parent, batch, how));
  // moving a child takes the focus from it
  if (isFocusLost() && focused instanceof HTMLElement && parent.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
}

/**
 * @template Item
 * @param {Element} parent
 * @param {Item[]} items
 * @param {Parameters<typeof reconcile<Item>>[2]} how
 */
function updateChildren(parent, items, { key, create, update }) {
  const existing = removeOthers(parent, new Set(items.map(key)));
  // an empty parent gets all its children at once
  const target = parent.firstElementChild ? parent : document.createDocumentFragment();
  let next = target.firstElementChild;
  for (const item of items) {
    const child = existing.get(key(item)) ?? create(item);
    keys.set(child, key(item));
    update(child, item);
    if (child === next) next = child.nextElementSibling;
    else target.insertBefore(child, next);
  }
  if (target !== parent) parent.append(target);
}

/**
 * Removes the children whose key is not among `wanted`; returns the others by key.
 *
 * @param {Element} parent
 * @param {Set<unknown>} wanted
 */
function removeOthers(parent, wanted) {
  /** @type {Map<unknown, HTMLElement>} */
  const kept = new Map();
  for (const child of [...parent.children]) {
    const key = keys.get(child);
    if (wanted.has(key)) kept.set(key, /** @type {HTMLElement} */ (child));
    else child.remove();
  }
  return kept;
}
