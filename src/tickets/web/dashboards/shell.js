// Shell of a dashboard, around its views: navigation, banner, errors, announcements and sign-in.

import "../elements/ticket-badge.js";

import { textField } from "../elements/text-field.js";
import { createForm } from "../elements/ticket-form.js";
import { button, h, setText } from "../lib/dom.js";
import { dispatch } from "../lib/events.js";

const SIGN_IN = "Sign in with your access token to see tickets.";
const SIGN_IN_AGAIN =
  "You are no longer signed in. Sign in again to continue; what you typed is kept.";
const SIGN_IN_ON_SITE = "Sign in to this site to see your tickets.";
const SIGN_IN_ON_SITE_AGAIN =
  "You are no longer signed in to this site. Sign in again, in another tab; what you typed is kept.";
// a password field: password managers can store the token, and people can paste it
const TOKEN_INPUT = { type: "password", autocomplete: "current-password" };
const MAX_ANNOUNCEMENTS = 10;

export class Shell {
  badge = h("ticket-badge");
  content = h("div.t-content");
  /** The sign-in form; null unless it is shown. */
  signInForm = null;
  #banner = h("p.t-banner", { role: "status", hidden: true });
  #error = h("p.t-alert", { role: "alert" });
  #announcements = h("div.t-hidden", { "aria-live": "polite" });
  #isPage;
  #nav;
  #main;
  #signIn = null;
  #dialog = null;

  /**
   * @param {object} options
   * @param {string} options.brand
   * @param {string} [options.group] heading above the navigation's links
   * @param {Node} [options.more] below the navigation's links
   * @param {boolean} options.isPage whether the dashboard is the whole page, and so has to provide
   *   the first heading and the main landmark
   */
  constructor({ brand, group, more, isPage }) {
    this.#isPage = isPage;
    this.#nav = h(
      "nav.t-side",
      { "aria-label": brand },
      h(isPage ? "h1.t-brand" : "p.t-brand", brand),
      group && h("p.t-group", group),
      h("a", { href: "#/tickets", "aria-current": "page" }, "Tickets ", this.badge),
      h(
        "div.t-side-foot",
        more,
        button("t-quiet", "Sign out", () => dispatch(this.root, "sign-out")),
      ),
    );
    const main = isPage ? "main.t-main" : "div.t-main";
    this.#main = h(main, this.#banner, this.#error, this.content);
    this.root = h("div.t-shell", this.#nav, this.#main, this.#announcements);
  }

  /**
   * Announces something to screen readers; "" clears the announcements. Each one is a new child:
   * the same text may have to be read out again, and an earlier one may not have been read out yet.
   */
  announce(text) {
    const isFull = this.#announcements.childElementCount === MAX_ANNOUNCEMENTS;
    if (!text || isFull) this.#announcements.replaceChildren();
    this.#announcements.append(h("p", text));
  }

  /** Shows an error until the next call; "" clears it. */
  showError(text) {
    setText(this.#error, text);
  }

  /** Shows why the page may be out of date; "" hides the banner. */
  showBanner(text) {
    setText(this.#banner, text);
    this.#banner.hidden = !text;
  }

  /** Asks for a token: `again` in a dialog over the page, or else in place of the content. */
  askToSignIn({ again, usesCookie = false }) {
    if (again && this.#dialog) return;
    this.hideSignIn();
    if (usesCookie) {
      this.#showSignedOut({ again });
      return;
    }
    this.signInForm = createForm({
      submitEvent: "sign-in",
      label: "Sign in",
      fields: { token: textField("Access token", h("input", TOKEN_INPUT)) },
    });
    this.#signIn = h(
      "section.t-sign-in",
      h(again || !this.#isPage ? "h2" : "h1", "Sign in"),
      h("p", again ? SIGN_IN_AGAIN : SIGN_IN),
      this.signInForm,
    );
    if (again) this.#showSignInDialog();
    else {
      this.content.hidden = true;
      this.#nav.hidden = true;
      this.#main.append(this.#signIn);
      if (this.#isPage) this.signInForm.focus();
    }
  }

  /** Says that the host's session has ended; the page goes on after a sign-in at the host. */
  #showSignedOut({ again }) {
    const reload = button("t-primary", "I have signed in", () => dispatch(this.root, "try-cookie"));
    this.#signIn = h(
      "section.t-sign-in",
      h(again || !this.#isPage ? "h2" : "h1", "Signed out"),
      h("p", again ? SIGN_IN_ON_SITE_AGAIN : SIGN_IN_ON_SITE),
      reload,
    );
    if (again) this.#showSignInDialog();
    else {
      this.content.hidden = true;
      this.#nav.hidden = true;
      this.#main.append(this.#signIn);
      if (this.#isPage) reload.focus();
    }
  }

  /** Hides the sign-in form; the browser returns the focus to where it was before the dialog. */
  hideSignIn() {
    this.#dialog?.close();
    (this.#dialog ?? this.#signIn)?.remove();
    this.#dialog = null;
    this.#signIn = null;
    this.signInForm = null;
    this.content.hidden = false;
    this.#nav.hidden = false;
  }

  #showSignInDialog() {
    // the dialog stays open: nothing on the page works without a token
    const onclose = ({ target }) => target.isConnected && target.showModal();
    this.#dialog = h("dialog.t-dialog", { "aria-label": "Sign in", onclose }, this.#signIn);
    this.#main.append(this.#dialog);
    this.#dialog.showModal();
  }
}
