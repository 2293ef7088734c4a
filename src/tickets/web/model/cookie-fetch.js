// Cookie mode: calls with the host's own cookie, which no script can read, instead of a token.

/** Stands for a token in cookie mode. It is never sent. */
const COOKIE = "cookie";

export { COOKIE };

const PERSON = "Tickets-Person";

/**
 * Returns a `fetch` that sends the host's cookie and no token. It names the person whom the page
 * shows, so that the service refuses to mix two people: somebody else may have signed in meanwhile.
 *
 * A redirect, as to the host's sign-in page, counts as a 401.
 *
 * @param {(person: string, before: string | null) => void} onPerson called when the person is known
 *   for the first time, and when it is another one
 * @param {typeof globalThis.fetch} [fetch]
 * @returns {typeof globalThis.fetch}
 */
export function createCookieFetch(onPerson, fetch = (...request) => globalThis.fetch(...request)) {
  /** @type {string | null} */
  let person = null;
  return async (address, options = {}) => {
    const headers = new Headers(options.headers);
    headers.delete("Authorization");
    headers.delete("X-Admin-Token");
    if (person) headers.set(PERSON, person);
    // a write without a body needs it as well: no form of another site can send it
    if (options.method !== "GET") headers.set("Content-Type", "application/json");
    const expected = person;
    const response = await fetch(address, {
      ...options,
      headers,
      credentials: "same-origin",
      redirect: "manual",
    });
    if (response.type === "opaqueredirect") return new Response(null, { status: 401 });
    const found = response.headers.get(PERSON);
    // a late response to an earlier request says nothing about the person of now
    if (found && found !== person && expected === person) {
      const before = person;
      person = found;
      onPerson(found, before);
      if (before) throw new Error("somebody else has signed in");
    }
    return response;
  };
}
