// A customer's own identity provider: set up, tested, used by the direct link, and what is seen when it fails.
import assert from 'node:assert/strict';
import { accessible, colours, settled, shot } from '../lib/browser.mjs';

const alice = (sub) => ({ alice: { sub, email: 'alice@example.com', email_verified: true, name: 'Alice Example', groups: ['agents'], extension: '7791' } });

/** settingUp adds the provider, copies its redirect address over, tests it, and switches it on; it answers the direct sign-in link. */
export async function settingUp(page, base, provider) {
  await page.goto(`${base}/settings/sso`);
  await page.getByRole('heading', { level: 1, name: 'Single sign-on' }).waitFor();
  await settled(page);
  await shot(page, 'sso-none');
  await accessible(page, 'single sign-on, none yet');
  await page.getByRole('button', { name: 'Add a provider' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: /^Name/ }).fill('Example login');
  await dialog.getByLabel('Issuer').fill(`${provider.url}/`);
  await dialog.getByLabel('Client id').fill('ringfence');
  await dialog.getByLabel('Client secret').fill('a secret that only tests know');
  await dialog.getByRole('button', { name: 'Add a rule' }).click();
  await dialog.getByLabel('Value of rule 1').fill('agents');
  await dialog.getByLabel('Extensions claim').fill('extension');
  await dialog.getByLabel('Newcomers become members').check();
  await shot(page, 'sso-form');
  await accessible(page, 'the form of a provider');
  await dialog.getByRole('button', { name: 'Set up' }).click();
  await page.getByRole('heading', { level: 1, name: 'Example login' }).waitFor();
  await settled(page);

  // A stroke too many in the issuer: the provider says what it is called.
  await page.getByRole('button', { name: 'Test the sign-in' }).click();
  await page.getByText(/calls itself/).first().waitFor();
  await shot(page, 'sso-issuer');
  await page.getByLabel('Issuer').fill(provider.url);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved.').waitFor();

  const callback = (await page.getByLabel('Redirect address', { exact: true }).innerText()).trim();
  await provider.control({ redirects: [callback], people: alice('alice-1') });
  await signInAtProvider(page, () => page.getByRole('button', { name: 'Test the sign-in' }).click(), 'alice');
  await page.getByRole('region', { name: 'What the test showed' }).waitFor();
  await page.getByText('A sign-in like this lets this person in').waitFor();
  await page.getByRole('cell', { name: 'alice@example.com' }).first().waitFor();
  assert.equal(await page.getByText('Failed', { exact: true }).count(), 0, 'every check is passed');
  await settled(page);
  await shot(page, 'sso-report', { fullPage: true });
  await accessible(page, 'the report of a test');
  await page.getByLabel('Switched on').check();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('On', { exact: true }).first().waitFor();
  return (await page.getByLabel('Direct sign-in link', { exact: true }).innerText()).trim();
}

/** signInAtProvider goes where `leave` leads, says who one is, and comes back. */
async function signInAtProvider(page, leave, login) {
  await leave();
  await page.getByRole('heading', { name: 'Example identity provider' }).waitFor();
  await page.getByLabel('Name').fill(login);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** direct: somebody new comes in by the customer's link, and sees this customer and nothing else. */
export async function direct(page, link) {
  await page.goto(link);
  await page.getByRole('button', { name: 'Continue with Example login' }).waitFor();
  await shot(page, 'sso-direct');
  await accessible(page, 'the direct sign-in page');
  await signInAtProvider(page, () => page.getByRole('button', { name: 'Continue with Example login' }).click(), 'alice');
  await page.getByRole('navigation', { name: 'Main' }).waitFor({ state: 'attached' });
  const me = await (await page.request.get(`${new URL(page.url()).origin}/api/v1/me`)).json();
  assert.deepEqual(me.places.map((p) => p.roles), [['user']]);
  assert.equal(me.person.email, 'alice@example.com');
}

/** anotherSubject: the same address under another subject stays outside until the administrator confirms it. */
export async function anotherSubject(page, link, provider) {
  await provider.control({ people: alice('alice-2') });
  await page.goto(link);
  await signInAtProvider(page, () => page.getByRole('button', { name: 'Continue with Example login' }).click(), 'alice');
  await page.getByRole('alert').getByText(/has to confirm that it is you/).waitFor();
  await shot(page, 'sso-refused');
  await accessible(page, 'a sign-in that is refused');
}

export async function confirming(page, base) {
  await page.goto(`${base}/settings/sso`);
  await page.getByRole('region', { name: 'Is this the same person?' }).waitFor();
  await settled(page);
  await shot(page, 'sso-waiting', { fullPage: true });
  await accessible(page, 'single sign-on with somebody who waits');
  await page.getByRole('button', { name: /^Confirm / }).click();
  await page.getByText('Confirmed. They can sign in now.').waitFor();
  await page.getByRole('region', { name: 'Is this the same person?' }).waitFor({ state: 'detached' });
  await colours(page, 'dark');
  await settled(page);
  await shot(page, 'sso-dark', { fullPage: true });
  await accessible(page, 'single sign-on, dark');
  await colours(page, 'light');
}

/** organisation: an address of a domain that nobody has shown leads nowhere, and says so. */
export async function organisation(page, demo) {
  await page.goto(`${demo.url}/sign-in/organisation`);
  await page.getByLabel('E-mail').fill('somebody@nowhere.example');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('No organisation here has a sign-in for this domain.').waitFor();
  await shot(page, 'sso-organisation');
  await accessible(page, 'signing in with an organisation');
}
