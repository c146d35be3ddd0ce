import { api, must } from './client';

/** Passkeys: the browser's functions take and give bytes, the API takes and gives base64url. */

const bytes = (text: string) => {
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(plain, (c) => c.charCodeAt(0));
};
const text = (buffer: ArrayBuffer | null) => {
  if (!buffer) return undefined;
  let plain = '';
  for (const b of new Uint8Array(buffer)) plain += String.fromCharCode(b);
  return btoa(plain).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
};

type Descriptor = { id: string; type: 'public-key'; transports?: AuthenticatorTransport[] };
type Options = Record<string, unknown> & { challenge: string };

const described = (list: unknown) => ((list as Descriptor[] | undefined) ?? []).map((d) => ({ ...d, id: bytes(d.id) }));

/** possible says whether this browser, at this address, knows passkeys at all. */
export const possible = () => typeof PublicKeyCredential !== 'undefined' && !/^[\d.]+$|:/.test(location.hostname);

/** autofill says whether passkeys can be offered within the field for the e-mail. */
export const autofill = async () => possible() && ((await PublicKeyCredential.isConditionalMediationAvailable?.()) ?? false);

/** create makes a passkey for what the server offered. */
export async function create(publicKey: unknown): Promise<unknown> {
  const o = publicKey as Options & { user: { id: string } };
  const made = (await navigator.credentials.create({
    publicKey: {
      ...o, challenge: bytes(o.challenge), user: { ...o.user, id: bytes(o.user.id) }, excludeCredentials: described(o.excludeCredentials),
    } as unknown as PublicKeyCredentialCreationOptions,
  })) as PublicKeyCredential;
  const r = made.response as AuthenticatorAttestationResponse;
  return {
    id: made.id, rawId: text(made.rawId), type: made.type, authenticatorAttachment: made.authenticatorAttachment ?? undefined,
    clientExtensionResults: made.getClientExtensionResults(),
    response: { clientDataJSON: text(r.clientDataJSON), attestationObject: text(r.attestationObject), transports: r.getTransports?.() ?? [] },
  };
}

/** show answers the server's challenge with a passkey. */
export async function show(publicKey: unknown, how?: { mediation?: CredentialMediationRequirement; signal?: AbortSignal }): Promise<unknown> {
  const o = publicKey as Options;
  const shown = (await navigator.credentials.get({
    publicKey: { ...o, challenge: bytes(o.challenge), allowCredentials: described(o.allowCredentials) } as unknown as PublicKeyCredentialRequestOptions,
    ...how,
  })) as PublicKeyCredential;
  const r = shown.response as AuthenticatorAssertionResponse;
  return {
    id: shown.id, rawId: text(shown.rawId), type: shown.type, authenticatorAttachment: shown.authenticatorAttachment ?? undefined,
    clientExtensionResults: shown.getClientExtensionResults(),
    response: { clientDataJSON: text(r.clientDataJSON), authenticatorData: text(r.authenticatorData), signature: text(r.signature), userHandle: text(r.userHandle) },
  };
}

/** enter signs in with a passkey alone. */
export async function enter(how?: { mediation?: CredentialMediationRequirement; signal?: AbortSignal }) {
  const asked = await must(api.POST('/api/v1/sign-in/passkey/challenge'));
  const credential = await show(asked.publicKey, how);
  return must(api.POST('/api/v1/sign-in/passkey', { body: { credential } }));
}

/** left says whether the person closed the browser's dialog: that is no fault to report. */
export const left = (error: unknown) => error instanceof DOMException && (error.name === 'NotAllowedError' || error.name === 'AbortError');
