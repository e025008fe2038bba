// An OpenID provider for tests, and the browser of the people who log in there.
//
//   node provider.mjs '{"client_id":"…","client_secret":"…","redirect_uri":"…"}'
//
// Prints its issuer once it listens. `GET /visit?url=<authorization URL>&as=<JSON>` logs somebody in and answers with
// the address that their browser is sent to in the end: {"location": "…"}. `as` is {"sub", "email", "email_verified",
// "given_name", "family_name"}.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const { client_id, client_secret, redirect_uri } = JSON.parse(process.argv[2]);
const people = new Map();

const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{ client_id, client_secret, redirect_uris: [redirect_uri] }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['given_name', 'family_name'] },
  features: { devInteractions: { enabled: false } },
  pkce: { required: () => true, methods: ['S256'] },
  cookies: { keys: ['for tests only'] },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => people.get(sub) }),
});
const callback = provider.callback();

// Whoever `login_hint` names logs in and consents to everything.
async function interact(request, response) {
  const { params, prompt, grantId } = await provider.interactionDetails(request, response);
  const person = JSON.parse(params.login_hint);
  people.set(person.sub, person);
  const grant = (grantId && (await provider.Grant.find(grantId))) ??
    new provider.Grant({ accountId: person.sub, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const result = { login: { accountId: person.sub }, consent: { grantId: await grant.save() } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: prompt.name !== 'login' });
}

async function visit(query) {
  const cookies = new Map();
  let url = new URL(query.get('url'));
  url.searchParams.set('login_hint', query.get('as'));
  for (let hops = 0; hops < 20; hops += 1) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, { redirect: 'manual', headers: { cookie } });
    for (const set of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(set);
      cookies.set(name, value);
    }
    const location = answer.headers.get('location');
    if (!location) return { status: answer.status, body: await answer.text() };
    url = new URL(location, url);
    if (url.href.startsWith(redirect_uri)) return { location: url.href };
  }
  return { status: 508 };
}

server.on('request', async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, issuer);
  try {
    if (pathname === '/visit') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(await visit(searchParams)));
    } else if (pathname.startsWith('/interaction/')) {
      await interact(request, response);
    } else {
      callback(request, response);
    }
  } catch (error) {
    response.statusCode = 500;
    response.end(String(error?.stack ?? error));
  }
});

console.log(issuer);
