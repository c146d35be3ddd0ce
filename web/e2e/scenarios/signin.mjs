// Factors: an app, a passkey, a remembered browser, and the dialog before a dangerous act.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { accessible, settled, shot, signIn } from '../lib/browser.mjs';

/** totp is the code of an authenticator app (RFC 6238), for the step that is so many away from now. */
function totp(key, ahead = 0) {
  const bits = [...key.replaceAll(' ', '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const secret = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** device is a virtual authenticator: Chromium's own, which checks its holder and keeps passkeys. */
async function device(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: false },
  });
  /** touched lets the authenticator answer while something is done that asks it. */
  return async (run) => {
    await cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled: true });
    await run();
    await cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled: false });
  };
}

const signOut = async (page) => {
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
};

/** enrolling: an app by its key, then a passkey; the recovery codes come once. */
export async function enrolling(page, demo) {
  await signIn(page, demo, 'customer_admin');
  const touched = await device(page);
  await page.goto(`${demo.url}/account`);
  await page.getByText('A mailed code is all that protects you').waitFor();
  await settled(page);
  await accessible(page, 'the account');
  await page.getByRole('button', { name: 'Set up', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Set up an authenticator app' });
  const key = await dialog.getByLabel('Key', { exact: true }).innerText();
  await accessible(page, 'setting up an app');
  await shot(page, 'signin-app');
  await dialog.getByLabel('Code of the app').fill(totp(key));
  await dialog.getByRole('button', { name: 'Confirm' }).click();
  const codes = await page.getByLabel('Recovery codes', { exact: true }).innerText();
  assert.equal(codes.trim().split('\n').length, 10);
  await shot(page, 'signin-recovery');
  await page.getByRole('button', { name: 'I have kept it' }).click();
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByLabel('Name').fill('Test key');
  await touched(async () => {
    await page.getByRole('button', { name: 'Go on in the browser' }).click();
    await page.getByText('Test key', { exact: true }).waitFor();
  });
  await page.getByText('10 of 10 are left').waitFor();
  await shot(page, 'signin-factors', { fullPage: true });
  return { key, touched };
}

/** entering: by passkey alone, then by password and app with the browser remembered, then by password alone. */
export async function entering(page, demo, { key, touched }) {
  const admin = demo.people.find((p) => p.role === 'customer_admin');
  await signOut(page);
  await shot(page, 'signin-passkey-first');
  await accessible(page, 'the sign-in page with passkeys');
  await touched(async () => {
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await page.getByRole('navigation', { name: 'Main' }).waitFor({ state: 'attached' });
  });
  await signOut(page);
  const password = async () => {
    await page.getByLabel('E-mail').fill(admin.email);
    await page.getByLabel('Password', { exact: true }).fill(admin.password);
    await page.getByRole('button', { name: 'Continue' }).click();
  };
  await password();
  await page.getByLabel('Remember this browser').check();
  await accessible(page, 'the second factor');
  await shot(page, 'signin-second');
  await page.getByLabel('Code of your authenticator app').fill(totp(key, 1));
  await page.getByRole('navigation', { name: 'Main' }).waitFor({ state: 'attached' });
  await signOut(page);
  await password();
  await page.getByRole('navigation', { name: 'Main' }).waitFor({ state: 'attached' });
}

/** dangerous: a remembered browser is asked before a dangerous act, and the act is then done by itself. */
export async function dangerous(page, demo, { touched }) {
  await page.goto(demo.url);
  await page.getByRole('navigation', { name: 'Main' }).waitFor({ state: 'attached' });
  const customer = (await page.evaluate(async () => (await (await fetch('/api/v1/me')).json()).places)).find((p) => p.kind === 'customer').id;
  await page.goto(`${demo.url}/c/${customer}/settings/sign-in`);
  await page.getByRole('radio', { name: /Authenticator app or passkey/ }).check();
  await accessible(page, 'the sign-in rules');
  await shot(page, 'signin-rules', { fullPage: true });
  await page.getByRole('button', { name: 'Save' }).click();
  const dialog = page.getByRole('dialog', { name: 'Show that it is you' });
  await dialog.getByRole('button', { name: 'Use your passkey' }).waitFor();
  await accessible(page, 'the step-up dialog');
  await shot(page, 'signin-stepup');
  await touched(async () => {
    await dialog.getByRole('button', { name: 'Use your passkey' }).click();
    await page.getByText('The sign-in rules are set.').waitFor(); // the touch comes after the click
  });
  await page.goto(`${demo.url}/c/${customer}/settings/sessions`);
  await page.getByText('This one').waitFor();
  await accessible(page, 'the sessions');
  await shot(page, 'signin-sessions');
}

/** forgotten: the page says the same to everybody. */
export async function forgotten(page, demo) {
  await signOut(page);
  await page.getByRole('link', { name: 'Forgotten your password?' }).click();
  await page.getByRole('button', { name: 'Mail me a link' }).waitFor(); // the page before has an E-mail, too
  await page.getByLabel('E-mail').fill('nobody@example.com');
  await page.getByRole('button', { name: 'Mail me a link' }).click();
  await page.getByText('If nobody@example.com has an account here').waitFor();
  await accessible(page, 'a forgotten password');
  const admin = demo.people.find((p) => p.role === 'customer_admin');
  await fetch(`${demo.url}/api/v1/forgotten`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ email: admin.email }) });
  let link;
  for (let i = 0; i < 50 && !link; i++) {
    const mails = await (await fetch(`${demo.mailbox}.json`)).json();
    link = mails.map((m) => /\S+\/reset#token=\S+/.exec(m.text)?.[0]).find(Boolean);
    await page.waitForTimeout(100);
  }
  assert.ok(link, 'the link was mailed');
  await page.goto(link);
  await page.getByLabel('Password', { exact: true }).fill('copper lanterns drift past midnight');
  await page.getByLabel('Once more', { exact: true }).fill('copper lanterns drift past midnight');
  await accessible(page, 'setting a new password');
  await page.getByRole('button', { name: 'Set the password' }).click();
  await page.getByText('Ready').waitFor();
}
