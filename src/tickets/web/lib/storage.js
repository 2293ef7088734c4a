// Web storage, with a fallback in memory.

const PROBE = "tickets:probe";

/**
 * Returns the browser's storage. Where the browser blocks it, returns one that lasts as long as the
 * page.
 *
 * @param {"localStorage" | "sessionStorage"} name
 * @returns {Pick<Storage, "getItem" | "setItem" | "removeItem">}
 */
export function openStorage(name) {
  try {
    const storage = globalThis[name];
    storage.setItem(PROBE, "");
    storage.removeItem(PROBE);
    return storage;
  } catch {
    /** @type {Map<string, string>} */
    const items = new Map();
    return {
      getItem: (key) => items.get(key) ?? null,
      setItem: (key, value) => {
        items.set(key, value);
      },
      removeItem: (key) => {
        items.delete(key);
      },
    };
  }
}
