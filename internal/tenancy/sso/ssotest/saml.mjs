// A SAML identity provider: samlp, with people, certificate, clock and signature as the test wishes.
import { createRequire } from 'node:module';
import { escape, page, read, serve, tools } from './peer.mjs';

const samlp = createRequire(`${tools}/idp/`)('samlp');

const set = {
  entity: 'urn:example:idp', key: '', cert: '', old: '', acs: '', signResponse: false, signAssertion: true, lifetime: 300, algorithm: 'rsa-sha256',
  people: { alice: { id: 'alice-1', email: 'alice@example.com', name: 'Alice Example', groups: ['agents'] } },
};

const mapper = (user) => ({
  getClaims: () => ({ email: user.email, displayName: user.name, groups: user.groups, ...user.more }),
  getNameIdentifier: () => ({ nameIdentifier: user.id, nameIdentifierFormat: user.format ?? 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent' }),
});

const bare = (pem) => pem.replaceAll(/-----[^-]+-----|\s/g, '');

const metadata = () => `<?xml version="1.0"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="${escape(set.entity)}">
<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
${[set.cert, set.old].filter(Boolean).map((pem) => `<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>${bare(pem)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`).join('\n')}
<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="${set.url}/sso"/>
<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="${set.url}/sso"/>
</md:IDPSSODescriptor></md:EntityDescriptor>`;

const respond = (user) =>
  samlp.auth({
    issuer: set.entity, key: set.key, cert: set.cert, signResponse: set.signResponse, signAssertion: set.signAssertion,
    signatureAlgorithm: set.algorithm, digestAlgorithm: set.algorithm.replace('rsa-', ''),
    lifetimeInSeconds: set.lifetime, destination: set.acs, recipient: set.acs, profileMapper: mapper, getUserFromRequest: () => user,
    ...(set.audience ? { audience: set.audience } : {}),
    getPostURL: (audience, request, _, done) => done(null, set.acs || request.documentElement.getAttribute('AssertionConsumerServiceURL')),
  });

async function control(wish) {
  Object.assign(set, wish);
}

serve(async (request, response, path) => {
  if (path === '/metadata') {
    response.setHeader('Content-Type', 'application/samlmetadata+xml');
    return response.end(metadata());
  }
  const url = new URL(request.url, 'http://x');
  const query = Object.fromEntries(url.searchParams);
  if (request.method !== 'POST') {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    return response.end(page(escape(request.url)));
  }
  const user = set.people[new URLSearchParams(await read(request)).get('login')];
  request.method = 'GET';
  request.query = query;
  response.set = (name, value) => response.setHeader(name, value);
  response.send = (status, body) => {
    if (typeof status === 'number') response.statusCode = status;
    response.end(String(body ?? (typeof status === 'number' ? '' : status)));
  };
  respond(user)(request, response, (error) => {
    response.statusCode = 500;
    response.end(String(error?.stack ?? error));
  });
}, control);
