// Who is signed in: one token for all elements, kept for the session, and whose drafts are seen.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { connect, storageOf } from "../../src/tickets/web/model/connection.js";

class Storage {
  getItem(key) {
    return Object.hasOwn(this, key) ? this[key] : null;
  }

  setItem(key, value) {
    this[key] = String(value);
  }

  removeItem(key) {
    delete this[key];
  }
}

let services = 0;
const open = (side = "user") => connect(`https://${++services}.test/api`, side);

beforeEach(() => {
  globalThis.document = new EventTarget();
  globalThis.sessionStorage = new Storage();
  globalThis.localStorage = new Storage();
});

test("elements of one service and side share a connection, others do not", () => {
  const root = "https://shared.test/api";
  assert.equal(connect(root, "user"), connect(root, "user"));
  assert.notEqual(connect(root, "user"), connect(root, "admin"));
});

test("a token that a person gives is kept for the session, one of the host page is not", () => {
  const connection = open();
  connection.use("from-the-host");
  assert.ok(!JSON.stringify(sessionStorage).includes("from-the-host"));

  connection.signIn("from-a-person");
  assert.ok(JSON.stringify(sessionStorage).includes("from-a-person"));
  assert.equal(connection.token, "from-a-person");
});

test("who is signed in is told, and why it changed", () => {
  const connection = open();
  const told = [];
  connection.addEventListener("token", ({ detail }) => told.push(detail));
  connection.signIn("a");
  connection.use("a");
  connection.api.onRefused("a");
  connection.signIn("b");
  connection.signOut();
  assert.deepEqual(told, ["in", "refused", "in", "out"]);
});

test("an answer to an older token says nothing about the one in use", () => {
  const connection = open();
  connection.signIn("old");
  connection.signIn("new");
  connection.api.onRefused("old");
  assert.equal(connection.token, "new");
});

test("after a token has expired the next one finds what was typed", () => {
  const connection = open();
  connection.signIn("old");
  connection.drafts.write("new", { subject: "typed" });
  connection.api.onRefused("old");
  connection.signIn("new");
  assert.deepEqual(connection.drafts.read("new"), { subject: "typed" });
});

test("after a sign-out somebody else does not see it, and the same person does", () => {
  const connection = open();
  connection.signIn("anna");
  connection.drafts.write("new", { subject: "typed" });
  connection.signOut();
  connection.signIn("bert");
  assert.deepEqual(connection.drafts.read("new"), {});

  connection.signOut();
  connection.signIn("anna");
  assert.deepEqual(connection.drafts.read("new"), { subject: "typed" });
});

test("drafts do not tell the token", () => {
  const connection = open();
  connection.signIn("a-secret-token");
  connection.drafts.write("new", { subject: "typed" });
  assert.ok(!JSON.stringify(localStorage).includes("a-secret-token"));
});

test("where the browser keeps nothing, the page does", () => {
  Object.defineProperty(globalThis, "blockedStorage", {
    configurable: true,
    get() {
      throw new DOMException("denied", "SecurityError");
    },
  });
  const storage = storageOf("blockedStorage");
  storage.setItem("a", "1");
  assert.equal(storage.getItem("a"), "1");
  storage.removeItem("a");
  assert.equal(storage.getItem("a"), null);
});
