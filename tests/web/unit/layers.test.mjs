// Layers of the pages' modules: a folder imports only from itself and lower folders, without cycles.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const WEB = fileURLToPath(new URL("../../../src/tickets/web/", import.meta.url));

/** The folders, lowest layer first; src/tickets/web/README.md says what belongs where. */
const LAYERS = ["lib", "model", "controllers", "elements", "dashboards"];

const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"/g;

/** What each module imports, by path within the folder of the pages. */
const imports = new Map(
  readdirSync(WEB, { recursive: true })
    .filter((path) => path.endsWith(".js"))
    .map((path) => {
      // types are no imports
      const code = readFileSync(join(WEB, path), "utf8").replace(/\/\*.*?\*\//gs, "");
      const targets = [...code.matchAll(IMPORT)].map(([, target]) => target);
      return [path, targets.map((target) => normalize(join(dirname(path), target)))];
    }),
);

const folder = (path) => dirname(path);

/** Returns the modules of a cycle that leads back to `path`; null without one. */
function findCycle(path, visited = []) {
  if (visited.includes(path)) return [...visited.slice(visited.indexOf(path)), path];
  for (const target of imports.get(path)) {
    const cycle = findCycle(target, [...visited, path]);
    if (cycle) return cycle;
  }
  return null;
}

test("every module is in a folder, except for the entries of pages", () => {
  const folders = new Set([...imports.keys()].map(folder));
  assert.deepEqual([...folders].sort(), [...LAYERS, "."].sort());
  const entries = [...imports.keys()].filter((path) => folder(path) === ".");
  assert.deepEqual(entries.sort(), ["page.js", "tickets.js"]);
});

test("every import leads to a module", () => {
  for (const [path, targets] of imports) {
    for (const target of targets) assert.ok(imports.has(target), `${path} imports ${target}`);
  }
});

test("no folder imports from a higher one", () => {
  const wrong = [];
  for (const [path, targets] of imports) {
    const layer = LAYERS.indexOf(folder(path));
    for (const target of targets) {
      const targetLayer = LAYERS.indexOf(folder(target));
      // entries import from any folder, and no folder imports from an entry
      const isAllowed = layer < 0 || (targetLayer >= 0 && targetLayer <= layer);
      if (!isAllowed) wrong.push(`${path} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("no module imports itself, directly or through others", () => {
  for (const path of imports.keys()) assert.equal(findCycle(path), null);
});
