// Scroll anchoring: keeps the reading position while content above it changes its height.

/**
 * Keeps the child of a list that is read where it is in the window, until somebody scrolls.
 *
 * One measurement around each change is not enough: with `content-visibility: auto` new children
 * get their real height only when they come near the window, frames later. Safari has no scroll
 * anchoring. That of other browsers picks its own anchor, which may be a new child above the one
 * that is read. So it is switched off for the list as long as this one has an anchor.
 */
export class ScrollAnchor {
  #list;
  #selector;
  /** @type {Element | null} */
  #child = null;
  #top = 0;
  #scrollTop = 0;

  /**
   * @param {HTMLElement} list
   * @param {string} selector of the children that keep their place among each other
   */
  constructor(list, selector) {
    this.#list = list;
    this.#selector = selector;
  }

  /**
   * Changes the children of the list, and scrolls so that those in view stay where they are.
   *
   * @param {() => void} change
   */
  keep(change) {
    this.restore();
    if (!this.#child) this.#take();
    change();
    this.restore();
  }

  /** Scrolls the anchor back to its place. Call it whenever the list has another height. */
  restore() {
    this.releaseIfScrolled();
    if (!this.#child) return;
    const scroller = this.#scroller;
    const moved = this.#child.getBoundingClientRect().top - this.#top;
    scroller.scrollBy({ top: moved, behavior: "instant" });
    this.#scrollTop = scroller.scrollTop;
  }

  /** Forgets the anchor if somebody has scrolled. Call it for each scroll event. */
  releaseIfScrolled() {
    // no boxes: it was removed, or the list is hidden
    const isShown = this.#child?.getClientRects().length;
    if (isShown && Math.abs(this.#scroller.scrollTop - this.#scrollTop) < 1) return;
    this.release();
  }

  /** Forgets the anchor: the browser's own scroll anchoring takes over. */
  release() {
    this.#child = null;
    this.#list.style.removeProperty("overflow-anchor");
  }

  /** Takes the first child in view as the anchor. */
  #take() {
    const { top } = (scrollParent(this.#list) ?? document.documentElement).getBoundingClientRect();
    const edge = Math.max(top, 0);
    const children = [...this.#list.querySelectorAll(this.#selector)];
    const child = children.find((each) => each.getBoundingClientRect().bottom > edge);
    if (!child) return;
    this.#child = child;
    this.#top = child.getBoundingClientRect().top;
    this.#scrollTop = this.#scroller.scrollTop;
    this.#list.style.setProperty("overflow-anchor", "none");
  }

  get #scroller() {
    return scrollParent(this.#list) ?? document.scrollingElement ?? document.documentElement;
  }
}

/**
 * Returns the nearest ancestor that can be scrolled; null if that is the page itself.
 *
 * @param {Element} element
 */
function scrollParent(element) {
  for (
    let each = element.parentElement;
    each && each !== document.body;
    each = each.parentElement
  ) {
    const isScrollable = /auto|scroll/.test(getComputedStyle(each).overflowY);
    if (isScrollable && each.scrollHeight > each.clientHeight) return each;
  }
  return null;
}
