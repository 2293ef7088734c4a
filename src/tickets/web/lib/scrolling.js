// Scrolling: keeps the reading position while content is added above it.

/**
 * Changes the children of `list`, and scrolls so that those in view stay where they are.
 *
 * Some browsers do this by themselves (scroll anchoring), but not at the very top. Those have
 * nothing left to do afterwards, since they compare the same positions.
 *
 * @param {Element} list
 * @param {string} selector of the children that keep their place among each other
 * @param {() => void} change
 */
export function keepPosition(list, selector, change) {
  const { top } = (scrollParent(list) ?? document.documentElement).getBoundingClientRect();
  const edge = Math.max(top, 0);
  const children = [...list.querySelectorAll(selector)];
  const anchor = children.find((child) => child.getBoundingClientRect().bottom > edge);
  const before = anchor?.getBoundingClientRect().top ?? 0;
  change();
  if (anchor?.isConnected) {
    const moved = anchor.getBoundingClientRect().top - before;
    (scrollParent(list) ?? window).scrollBy({ top: moved, behavior: "instant" });
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
