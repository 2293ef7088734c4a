// Base class of elements that a host page may contain and that call the service with a token.

import { LiveElement } from "../lib/live-element.js";
import { connect } from "../model/session.js";

/**
 * Returns the connection of an element: to the API in its `api` attribute, or else to the service
 * that this module was loaded from.
 */
export function connectionOf(element, side) {
  const api = element.getAttribute("api");
  const root = api
    ? new URL(api, document.baseURI)
    : new URL("../../../api/v1/tickets", import.meta.url);
  const usesCookie = element.getAttribute("auth") === "cookie";
  return connect(root.href.replace(/\/+$/, ""), side, usesCookie);
}

/** A subclass has a `side`; it gets a `connection` when it enters a document. */
export class ServiceElement extends LiveElement {
  static observedAttributes = ["token"];
  #token = null;

  connectedCallback() {
    this.connection = connectionOf(this, this.side);
    // a property that the host page set before this module was loaded hides the setter
    const { token } = this;
    // biome-ignore lint/performance/noDelete: only deleting the property reveals the setter
    delete this.token;
    if (token) this.token = token;
    super.connectedCallback();
  }

  attributeChangedCallback(_name, _old, token) {
    this.token = token;
  }

  /** The token from the host page; without one, a dashboard asks the person to sign in. */
  get token() {
    return this.#token;
  }

  set token(token) {
    this.#token = token;
    if (!this.connection?.usesCookie) this.connection?.useToken(token);
  }
}
