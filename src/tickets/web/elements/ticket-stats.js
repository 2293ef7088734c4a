// <ticket-stats>: the admins' figures as cards that filter, and a chart of tickets by category; wants
// `filter-tickets`.

import { h, setText, want } from "../dom/build.js";
import { CATEGORIES } from "../model/labels.js";

// What a card counts, and the filter that shows exactly those.
const CARDS = [
  ["Open", "open_count", { status: "open" }],
  ["In progress", "in_progress_count", { status: "in_progress" }],
  ["Resolved", "resolved_count", { status: "resolved" }],
  ["Unread", "unread_count", { unread: "1" }],
];

export class TicketStats extends HTMLElement {
  #filters = {};
  #figures = {};
  #bars = {};
  #buttons = CARDS.map(([label, count, filter]) => {
    const attributes = { type: "button", onclick: () => this.#choose(filter) };
    return h("button.t-card", attributes, label, " ", this.#figure("b", count));
  });

  connectedCallback() {
    if (this.firstChild) return;
    this.append(
      h("div.t-cards", { role: "group", "aria-label": "Figures" }, ...this.#buttons),
      h(
        "figure.t-chart",
        h("figcaption", "Tickets by category"),
        h("ul", { role: "list" }, ...Object.keys(CATEGORIES).map((category) => this.#bar(category))),
      ),
    );
  }

  set filters(filters) {
    this.#filters = filters;
    CARDS.forEach(([, , filter], index) => {
      this.#buttons[index].setAttribute("aria-pressed", isOn(filter, filters));
    });
  }

  set stats({ categories, ...counts }) {
    const figures = Object.entries({ ...categories, ...counts });
    for (const [name, count] of figures) if (name in this.#figures) setText(this.#figures[name], `${count}`);
    const max = Math.max(1, ...Object.values(categories));
    for (const [name, bar] of Object.entries(this.#bars)) Object.assign(bar, { max, value: categories[name] });
  }

  #figure(tag, name) {
    return (this.#figures[name] = h(tag, "–"));
  }

  #bar(category) {
    // the figure beside it says the same
    this.#bars[category] = h("meter", { "aria-hidden": "true" });
    return h("li", h("span", CATEGORIES[category]), " ", this.#bars[category], this.#figure("span", category));
  }

  /** A card stands for a status or for unread; the category that is chosen beside it stays. */
  #choose(filter) {
    const { category } = this.#filters;
    want(this, "filter-tickets", isOn(filter, this.#filters) ? { category } : { category, ...filter });
  }
}

const isOn = (filter, filters) =>
  Object.entries(filter).every(([name, value]) => filters[name] === value);

customElements.define("ticket-stats", TicketStats);
