// <ticket-stats>: the admins' figures as cards that filter, and a chart of tickets by category; wants
// `filter-tickets`.

import { button, h, setText, want } from "../dom/build.js";
import { CATEGORIES } from "../model/labels.js";

// What a card counts, and the filter that shows exactly those.
const CARDS = [
  ["Open", "open_count", "status", "open"],
  ["In progress", "in_progress_count", "status", "in_progress"],
  ["Resolved", "resolved_count", "status", "resolved"],
  ["Unread", "unread_count", "unread", "1"],
];

export class TicketStats extends HTMLElement {
  #filters = {};
  #cards = CARDS.map(([label, count, name, value]) => {
    const card = button("t-card", `${label} `, () => this.#choose(name, value));
    const figure = h("b", "–");
    card.append(figure);
    return { card, figure, count, name, value };
  });
  #bars = h("ul", { role: "list" });

  connectedCallback() {
    if (this.firstChild) return;
    this.append(
      h("div.t-cards", { role: "group", "aria-label": "Figures" }, ...this.#cards.map(({ card }) => card)),
      h("figure.t-chart", h("figcaption", "Tickets by category"), this.#bars),
    );
  }

  set filters(filters) {
    this.#filters = filters;
    for (const { card, name, value } of this.#cards) card.setAttribute("aria-pressed", filters[name] === value);
  }

  set stats({ categories, ...counts }) {
    for (const { figure, count } of this.#cards) setText(figure, `${counts[count] ?? "–"}`);
    const max = Math.max(1, ...Object.values(categories));
    const bars = Object.entries(categories).map(([category, value]) =>
      // the figure says what the meter shows
      h("li", `${CATEGORIES[category]} `, h("meter", { "aria-hidden": "true", max, value }), h("span", `${value}`)),
    );
    this.#bars.replaceChildren(...bars);
  }

  /** A card stands for a status or for unread; the category that is chosen beside it stays. */
  #choose(name, value) {
    const { category } = this.#filters;
    const on = this.#filters[name] === value;
    want(this, "filter-tickets", on ? { category } : { category, [name]: value });
  }
}

customElements.define("ticket-stats", TicketStats);
