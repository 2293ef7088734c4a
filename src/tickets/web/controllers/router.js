// Router: which route a dashboard shows. The route is in the page's address, or in memory where the
// host page keeps the address for itself.

import { formatRoute, parseRoute } from "../model/routes.js";

export class Router {
  #onNavigate;
  #inMemory;
  #hash = "";

  /** Calls `onNavigate(route)` after every navigation: by link, back button or `go`. */
  constructor(onNavigate, { inMemory, signal }) {
    this.#onNavigate = onNavigate;
    this.#inMemory = inMemory;
    if (!inMemory) window.addEventListener("hashchange", () => onNavigate(this.route), { signal });
  }

  get route() {
    return parseRoute(this.#inMemory ? this.#hash : location.hash);
  }

  /** Navigates; with `replace`, the current route does not stay in the history. */
  go(route, { replace = false } = {}) {
    this.#hash = formatRoute(route);
    if (this.#inMemory || replace || this.#hash === location.hash) {
      if (!this.#inMemory) history.replaceState(history.state, "", this.#hash);
      this.#onNavigate(this.route);
    } else location.hash = this.#hash;
  }

  /** Handles a click on a link to a route. A host's `<base>` would change its target. */
  handleClick(event) {
    const link = event.target.closest('a[href^="#/"]');
    if (!link || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    event.preventDefault();
    this.go(parseRoute(link.getAttribute("href")));
  }
}
