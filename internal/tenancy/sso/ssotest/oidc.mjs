// An OpenID provider: oidc-provider with one client, people as the test names them, and keys, issuer and clock that can be changed.
import { generateKeyPairSync } from 'node:crypto';
import { library, page, read, serve } from './peer.mjs';

const { Provider } = await library('oidc-provider/lib/index.js');

let made = 0;
const key = () => ({ ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid: `key-${++made}`, use: 'sig', alg: 'RS256' });

const set = {
  issuer: '', keys: [key()], clients: [{ id: 'ringfence', secret: 'a secret that only tests know' }], redirects: ['http://127.0.0.1:9/none'], thin: true,
  people: { alice: { sub: 'alice-1', email: 'alice@example.com', email_verified: true, name: 'Alice Example', groups: ['agents'] } },
};
let provider;

function build() {
  provider = new Provider(set.issuer, {
    clients: set.clients.map((c) => ({
      client_id: c.id, ...(c.secret ? { client_secret: c.secret } : { token_endpoint_auth_method: 'none' }),
      redirect_uris: set.redirects, grant_types: ['authorization_code'], response_types: ['code'],
    })),
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups', 'extension', 'realm_access'] },
    conformIdTokenClaims: set.thin, // true: what the scopes give is told by userinfo only
    findAccount: (_, sub) => ({ accountId: sub, claims: async () => Object.values(set.people).find((p) => p.sub === sub) ?? { sub } }),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    features: { devInteractions: { enabled: false } },
    cookies: { keys: ['only for tests'] },
    jwks: { keys: set.keys },
    pkce: { required: () => true },
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
      grant.addOIDCScope('openid email profile');
      await grant.save();
      return grant;
    },
    ttl: { Interaction: 7200, Session: 7200, Grant: 7200, AccessToken: 600, IdToken: set.lifetime ?? 600 },
  });
}

async function control(wish) {
  if (wish.url) set.issuer = wish.url;
  for (const name of ['issuer', 'redirects', 'people', 'thin', 'lifetime', 'clients']) if (name in wish) set[name] = wish[name];
  if (wish.rotate) set.keys = [key()];
  if (wish.url || wish.rotate || wish.issuer || wish.redirects || 'thin' in wish || wish.lifetime || wish.clients) build();
}

serve(async (request, response, path) => {
  if (!path.startsWith('/interaction/')) return provider.callback()(request, response);
  if (request.method !== 'POST') {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    return response.end(page(path));
  }
  const who = set.people[new URLSearchParams(await read(request)).get('login')];
  const result = who ? { login: { accountId: who.sub } } : { error: 'access_denied', error_description: 'nobody of that name' };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}, control);
