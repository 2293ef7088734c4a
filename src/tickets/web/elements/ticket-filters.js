// <ticket-filters>: filters of the list, by status and, for admins, by category.
// Dispatches `filter-tickets` with the filters.

import { labelled, select } from "../lib/dom.js";
import { dispatch } from "../lib/events.js";
import { CATEGORIES, STATUSES } from "../model/labels.js";

const STATUS_CHOICES = { "": "All statuses", ...STATUSES };
const CATEGORY_CHOICES = { "": "All categories", ...CATEGORIES };

export class TicketFiltersElement extends HTMLElement {
  #filters = {};
  #status = this.#createSelect("status", STATUS_CHOICES);
  #category = this.#createSelect("category", CATEGORY_CHOICES);

  connectedCallback() {
    if (this.firstChild) return;
    this.append(labelled("div.t-filter", "Filter by status", this.#status));
    if (this.side === "admin") {
      this.append(labelled("div.t-filter", "Filter by category", this.#category));
    }
  }

  set filters(filters) {
    this.#filters = filters;
    this.#status.value = filters.status ?? "";
    this.#category.value = filters.category ?? "";
  }

  focus() {
    this.#status.focus();
  }

  #createSelect(name, choices) {
    const onchange = ({ target }) =>
      dispatch(this, "filter-tickets", { ...this.#filters, [name]: target.value });
    return select(choices, { onchange });
  }
}

customElements.define("ticket-filters", TicketFiltersElement);
