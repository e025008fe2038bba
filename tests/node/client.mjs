// A third party's program that uses our authorization server, as its library understands the standards.
//
//   node client.mjs '{"issuer":"…","client_id":"…","client_secret":"…","redirect_uri":"…","email":"…","password":"…"}'
//
// Goes the whole way and prints what came of each step as one JSON object.
import { Issuer, generators } from 'openid-client';

const { issuer, client_id, client_secret, redirect_uri, email, password } = JSON.parse(process.argv[2]);
const scope = 'openid profile email offline_access profile:read';

const server = await Issuer.discover(issuer);
const client = new server.Client({
  client_id,
  client_secret,
  redirect_uris: [redirect_uri],
  response_types: ['code'],
  token_endpoint_auth_method: client_secret ? 'client_secret_basic' : 'none',
  id_token_signed_response_alg: 'RS256',
});

// The person's browser: fills in a page's form and sends it.
async function submit(html, base, fields) {
  const action = /<form method="post" action="([^"]+)"/.exec(html)[1];
  const body = new URLSearchParams(fields);
  for (const [, name, value] of html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)) {
    body.set(name, value);
  }
  const headers = { 'sec-fetch-site': 'same-origin' };
  return fetch(new URL(action, base), { method: 'POST', body, headers, redirect: 'manual' });
}

async function authorize(extra = {}) {
  const checks = { state: generators.state(), nonce: generators.nonce(), code_verifier: generators.codeVerifier() };
  const url = client.authorizationUrl({
    scope,
    state: checks.state,
    nonce: checks.nonce,
    code_challenge: generators.codeChallenge(checks.code_verifier),
    code_challenge_method: 'S256',
    ...extra,
  });
  const pages = [];
  let answer = await fetch(url, { redirect: 'manual' });
  while (answer.status === 200) {
    const html = await answer.text();
    pages.push(/<title>([^<]*)/.exec(html)[1]);
    answer = await submit(html, url, { email, password, decision: 'continue' });
  }
  const params = client.callbackParams(answer.headers.get('location'));
  return { pages, iss: params.iss, tokens: await client.callback(redirect_uri, params, { ...checks, response_type: 'code' }) };
}

async function refusal(attempt) {
  try {
    await attempt();
    return null;
  } catch (error) {
    return error.error ?? error.message;
  }
}

const first = await authorize();
const again = await authorize();
const asked = await authorize({ prompt: 'consent' });
const userinfo = await client.userinfo(first.tokens.access_token);
const refreshed = await client.refresh(first.tokens.refresh_token);
const isConfidential = Boolean(client_secret);
const before = isConfidential ? await client.introspect(refreshed.access_token) : null;
await client.revoke(refreshed.refresh_token);
const after = isConfidential ? await client.introspect(refreshed.access_token) : null;
const reused = await refusal(() => client.refresh(first.tokens.refresh_token));

console.log(JSON.stringify({
  pages: [first.pages, again.pages, asked.pages],
  iss: first.iss,
  claims: first.tokens.claims(),
  scope: first.tokens.scope,
  userinfo,
  refreshed: { scope: refreshed.scope, rotated: refreshed.refresh_token !== first.tokens.refresh_token },
  introspection: { before, after },
  reused,
  userinfo_after: await refusal(() => client.userinfo(refreshed.access_token)),
}));
