// What both dashboards have around their views: navigation, banner, sign-in, and a voice.

import "../elements/ticket-badge.js";

import { form } from "../elements/ticket-form.js";
import { button, h, setText, want } from "./build.js";
import { field } from "./field.js";

const FIRST = "Sign in with your access token to see tickets.";
const AGAIN = "You are no longer signed in. Sign in again to go on; what you typed is kept.";
// a password manager may keep the token, and it can be pasted
const TOKEN = { type: "password", autocomplete: "current-password" };

export class Shell {
  badge = h("ticket-badge");
  content = h("div.t-content");
  /** The form that asks for a token, while it does. */
  signIn = null;
  #banner = h("p.t-banner", { role: "status", hidden: true });
  #complaint = h("p.t-alert", { role: "alert" });
  #voice = h("div.t-hidden", { "aria-live": "polite" });
  #page;
  #nav;
  #main;
  #asking = null;
  #dialog = null;

  /** `page` is whether the dashboard is all of the page, and so brings its first heading and landmark. */
  constructor({ brand, group, more, page }) {
    this.#page = page;
    this.#nav = h(
      "nav.t-side",
      { "aria-label": brand },
      h(page ? "h1.t-brand" : "p.t-brand", brand),
      group && h("p.t-group", group),
      h("a", { href: "#/tickets", "aria-current": "page" }, "Tickets ", this.badge),
      h("div.t-side-foot", more, button("t-quiet", "Sign out", () => want(this.root, "sign-out"))),
    );
    this.#main = h(page ? "main.t-main" : "div.t-main", this.#banner, this.#complaint, this.content);
    this.root = h("div.t-shell", this.#nav, this.#main, this.#voice);
  }

  /** Say something to those who cannot see it happen; "" takes back what was said. */
  say(text) {
    // A new child each time: what was said before may not have been read out yet, or have to be said again.
    if (!text || this.#voice.children[9]) this.#voice.replaceChildren();
    this.#voice.append(h("p", text));
  }

  /** Show what went wrong, until `complain("")`. */
  complain(text) {
    setText(this.#complaint, text);
  }

  /** Show why what is on the page may be out of date; "" when it is not. */
  warn(text) {
    setText(this.#banner, text);
    this.#banner.hidden = !text;
  }

  /** Ask for a token: over what is open where there is something (`again`), else in its place. */
  askToSignIn(again) {
    if (again && this.#dialog) return;
    this.welcome();
    const token = { token: field("Access token", h("input", TOKEN)) };
    this.signIn = form("sign-in", "Sign in", token);
    const heading = h(again || !this.#page ? "h2" : "h1", "Sign in");
    this.#asking = h("section.t-sign-in", heading, h("p", again ? AGAIN : FIRST), this.signIn);
    if (again) {
      // dismissing it would leave a page on which nothing works
      const onclose = ({ target }) => target.isConnected && target.showModal();
      this.#dialog = h("dialog.t-dialog", { "aria-label": "Sign in", onclose }, this.#asking);
      this.#main.append(this.#dialog);
      this.#dialog.showModal();
    } else {
      this.content.hidden = this.#nav.hidden = true;
      this.#main.append(this.#asking);
      if (this.#page) this.signIn.focus();
    }
  }

  /** Take the sign-in away: focus goes back to where it was. */
  welcome() {
    this.#dialog?.close();
    (this.#dialog ?? this.#asking)?.remove();
    this.#dialog = this.#asking = this.signIn = null;
    this.content.hidden = this.#nav.hidden = false;
  }
}
