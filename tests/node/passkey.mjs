// Registers a passkey in a real browser, and logs in with it in two ways. Its argument is {api, password, email,
// token} as JSON; it prints what each step answered as JSON.
//
// The browser is headless Chromium with a virtual authenticator (WebDriver's, over the DevTools protocol): everything
// from `navigator.credentials` on is Chromium's own. The page comes from http://localhost, the relying party of tests;
// what it asks of /api is passed on, so that page and API have one origin.

import { createServer, request } from "node:http";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

const PAGE = "<!doctype html><meta charset=utf-8><title>Passkeys</title>";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A page, and beside it the API, on a free port of localhost. */
function serve(api) {
  const { hostname, port } = new URL(api);
  const server = createServer((incoming, outgoing) => {
    if (!incoming.url.startsWith("/api/")) {
      outgoing.setHeader("content-type", "text/html").end(PAGE);
      return;
    }
    const { url: path, method, headers } = incoming;
    const passedOn = request({ hostname, port, path, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    passedOn.on("error", () => outgoing.destroy());
    incoming.pipe(passedOn);
  });
  return new Promise((resolve) => server.listen(0, "localhost", () => resolve(server)));
}

function browser() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = folders.map((folder) => join(folder, "chromium")).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (!found) throw new Error("there is no chromium in the PATH");
  return found;
}

/** Runs in the page: all that an app has to do. */
async function walk({ email, password, token }) {
  const call = async (method, path, body, bearer) => {
    const headers = { "content-type": "application/json" };
    if (bearer) headers.authorization = `Bearer ${bearer}`;
    const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    const json = answer.status === 204 ? null : await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(json)}`);
    return json;
  };
  const get = async (options) => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    return (await navigator.credentials.get({ publicKey })).toJSON();
  };

  const begun = await call("POST", "/api/v2/me/passkeys/options", {}, token);
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(begun.options);
  const made = await navigator.credentials.create({ publicKey });
  const credential = made.toJSON();
  const body = { ticket: begun.ticket, credential, label: "Chromium" };
  const registered = await call("POST", "/api/v2/me/passkeys", body, token);

  const login = await call("POST", "/api/v2/auth/passkey/options");
  const alone = await call("POST", "/api/v2/auth/passkey", { ticket: login.ticket, credential: await get(login.options) });

  const half = await call("POST", "/api/v2/auth/login", { email, password });
  const asked = await call("POST", "/api/v2/auth/login/second-factor/passkey-options", { mfa_token: half.mfa_token });
  const passkey = { ticket: asked.ticket, credential: await get(asked.options) };
  const second = await call("POST", "/api/v2/auth/login/second-factor", { mfa_token: half.mfa_token, passkey });

  const fresh = alone.access_token;
  const challenge = await call("POST", "/api/v2/auth/step-up", { operation: "account" }, fresh);
  const proof = { ticket: challenge.ticket, passkey: await get(challenge.passkey) };
  const stepUp = await call("POST", "/api/v2/auth/step-up/complete", proof, fresh);

  return { registered, alone, half, second, stepUp, factors: await call("GET", "/api/v2/me/factors", null, fresh) };
}

/** Runs in the page: whether the authenticator signs for the options of a login. */
async function signs() {
  const answer = await fetch("/api/v2/auth/passkey/options", { method: "POST" });
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON((await answer.json()).options);
  return navigator.credentials.get({ publicKey }).then(() => true, (error) => error.name);
}

async function main() {
  const input = JSON.parse(process.argv[2]);
  const server = await serve(input.api);
  const chrome = await chromium.launch({ executablePath: browser(), headless: true, args: FLAGS });
  try {
    const page = await (await chrome.newContext()).newPage();
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("WebAuthn.enable");
    const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        protocol: "ctap2",
        transport: "internal",
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    await page.goto(`http://localhost:${server.address().port}/`);
    const walked = await page.evaluate(walk, input);
    const { credentials } = await devtools.send("WebAuthn.getCredentials", { authenticatorId });
    await devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
    const unverified = await page.evaluate(signs);
    const { isResidentCredential, rpId, signCount } = credentials[0];
    process.stdout.write(JSON.stringify({ ...walked, unverified, kept: { isResidentCredential, rpId, signCount } }));
  } finally {
    await chrome.close();
    server.close();
    server.closeAllConnections();
  }
}

await main();
