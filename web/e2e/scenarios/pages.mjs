import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { accessible, colours, settled, shot, tooWide } from '../lib/browser.mjs';

/** The pages of each role, with a text that proves that the page came and not its error. */
export const adminPages = [
  ['recordings', 'Recordings'],
  ['calls', 'Calls'],
  ['attention', 'Needs attention'],
  ['imports', 'Imports'],
  ['alerts', 'Alerts'],
  ['coverage', 'Coverage'],
  ['certificates', 'Certificates'],
  ['leave', 'Leave'],
  ['holds', 'Legal holds'],
  ['approvals', 'Waiting for a second person'],
  ['log', 'Change log'],
  ['verification', 'Verification'],
  ['receipts', 'Receipts'],
  ['requests', 'Person requests'],
  ['breaches', 'Breaches'],
  ['pseudonyms', 'Pseudonyms'],
  ['exposure', 'Who could reach what'],
  ['egress', 'What left the host'],
  ['settings/sources', 'Sources'],
  ['settings/collectors', 'Collectors'],
  ['settings/siprec', 'Recording sessions'],
  ['settings/retention', 'Retention'],
  ['settings/storage', 'Storage'],
  ['settings/speech', 'Speech engine'],
  ['settings/redaction', 'Personal data in recordings'],
  ['payments', 'Payments'],
  ['settings/members', 'Members'],
  ['settings/directory', 'Directory'],
  ['settings/sign-in', 'Sign-in'],
  ['settings/sso', 'Single sign-on'],
  ['settings/provisioning', 'Provisioning'],
  ['settings/sessions', 'Sessions'],
  ['support', 'Support access'],
  ['permissions', 'Who may do what'],
  ['reviews', 'Access reviews'],
  ['leavers', 'Leavers'],
  ['settings/tokens', 'API tokens'],
  ['settings/access', 'Access lists'],
  ['settings/webhooks', 'Webhooks'],
  ['quota', 'Quota and usage'],
  ['health', 'Health'],
  ['keys', 'Keys'],
  ['backup', 'Backup'],
];

/** What a provider sees of the node it stands on. */
export const nodePages = [
  ['staff', 'People'],
  ['branding', 'Branding'],
  ['blueprint', 'Blueprint'],
  ['keys', 'Keys'],
  ['installation', 'This installation'],
  ['alerts', 'Alerts'],
  ['usage', 'Quota and usage'],
  ['releases', 'Collectors'],
  ['health', 'Health'],
  ['log', 'Change log'],
  ['reviews', 'Access reviews'],
  ['tokens', 'API tokens'],
  ['access', 'Access lists'],
  ['sessions', 'Sessions'],
  ['backups', 'Backups'],
];

/** What somebody sees who is not signed in, and their own page. */
export const doors = [
  ['sign-in', 'Sign in'],
  ['sign-in/organisation', 'Sign in with your organisation'],
  ['forgotten', 'Forgotten your password?'],
  ['reset', 'Set a new password'],
  ['welcome', 'Welcome'],
  ['mail-arrived', 'Test mail'],
];

/** Pages of the router that need more than their address; other scenarios visit them. */
const elsewhere = ['checklist'];

/** all fails on a page of the router that no list above holds: one that nobody has looked at in the dark, or on a phone. */
export function all() {
  const router = readFileSync(new URL('../../src/router.tsx', import.meta.url), 'utf8');
  const walked = new Set([...adminPages, ...nodePages, ...doors].map(([path]) => path).concat(elsewhere));
  const pages = [...router.matchAll(/getParentRoute: \(\) => (root|customer|signedIn),\s*path: '(?:\/n\/\$node|\/c\/\$customer)?\/([^'$]+)'/g)].map((m) => m[2]);
  assert.ok(pages.length > 50, `only ${pages.length} pages were found in the router`);
  assert.deepEqual(pages.filter((p) => !walked.has(p) && p !== 'account'), [], 'pages that no walk visits');
}

/**
 * walk visits pages, each once: it must come without an error, pass axe in light and
 * keep its contrasts in dark, and be no wider than a phone.
 */
export async function walk(page, url, pages, prefix = '') {
  const faults = [];
  for (const [path, title] of pages) {
    const name = prefix + path.replaceAll('/', '-');
    await colours(page, 'light');
    await page.goto(`${url}/${path}`);
    await page.getByRole('heading', { level: 1, name: title }).waitFor();
    await settled(page);
    assert.equal(await page.getByRole('alert').count(), 0, `${path} shows an error: ${await page.getByRole('alert').allInnerTexts()}`);
    await shot(page, `${name}-light`);
    await accessible(page, `${path}, light`);
    await colours(page, 'dark');
    await shot(page, `${name}-dark`);
    await accessible(page, `${path}, dark`, ['color-contrast']);
    const wide = await tooWide(page, name);
    if (wide > 0) faults.push(`${path} is ${wide} px too wide for a phone`);
  }
  await colours(page, 'light');
  assert.deepEqual(faults, []);
}

/** node walks the provider's own pages. */
export async function node(page, origin) {
  await page.goto(origin);
  await page.getByRole('link', { name: 'Organisations' }).waitFor();
  const url = origin + new URL(page.url()).pathname.split('/').slice(0, 3).join('/');
  await walk(page, url, nodePages, 'node-');
}

/** forms: the dialogs of the settings open, pass axe, and say what is wrong beside the field. */
export async function forms(page, url) {
  for (const [path, button] of [
    ['settings/sources', 'Add a source'],
    ['imports', 'Prepare an import'],
    ['settings/members', 'Invite somebody'],
    ['settings/tokens', 'Make a token'],
    ['settings/access', 'Add a rule'],
    ['settings/webhooks', 'Add a webhook'],
    ['settings/collectors', 'Name a collector'],
    ['settings/siprec', 'Add a recording client'],
    ['alerts', 'Add a contact'],
    ['coverage', 'Add a rule'],
  ]) {
    await page.goto(`${url}/${path}`);
    await settled(page);
    await page.getByRole('button', { name: button }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).waitFor();
    await shot(page, `${path.replaceAll('/', '-')}-form`);
    await accessible(page, `the form of ${path}`);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  }
}

/** token: made, shown once, used as a machine would, ended, and refused. */
export async function token(page, demo, url, customer) {
  await page.goto(`${url}/settings/tokens`);
  await page.getByRole('button', { name: 'Make a token' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('Browser test');
  await page.getByRole('dialog').getByLabel('Recording list').check();
  await page.getByRole('dialog').getByRole('button', { name: 'Make', exact: true }).click();
  const secret = (await page.getByLabel('Token', { exact: true }).innerText()).trim();
  const ask = () => fetch(`${demo.url}/api/v1/customers/${customer}/recordings`, { headers: { Authorization: `Bearer ${secret}` } });
  assert.equal((await ask()).status, 200);
  await page.getByRole('button', { name: 'End Browser test' }).click();
  await page.getByRole('button', { name: 'End the token' }).click();
  await page.getByText('The token has ended.').waitFor();
  assert.notEqual((await ask()).status, 200);
}

/** log: the change log shows what was just done, and saves as a file. */
export async function log(page, url) {
  await page.goto(`${url}/log`);
  await page.getByRole('row', { name: /Token/ }).first().waitFor();
  await page.getByRole('button', { name: 'Export', exact: true }).click();
  const saving = page.waitForEvent('download');
  await page.getByRole('menuitem', { name: /CSV/ }).click();
  const file = await saving;
  assert.match(file.suggestedFilename(), /^change-log-.*\.csv$/);
  await page.getByText('The change log is saved').waitFor();
}

/** phone: the list, the drawer and the menu on a narrow screen, with nothing wider than it. */
export async function phone(page, url) {
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  await page.goto(`${url}/recordings`);
  await page.locator('[data-row]').first().waitFor();
  await settled(page);
  assert.ok((await wide()) <= 0, 'the page is no wider than the screen');
  await shot(page, 'phone-list');
  await accessible(page, 'the list on a phone');
  await page.locator('[data-row]').first().click();
  await page.getByRole('dialog').getByRole('button', { name: 'Play', exact: true }).waitFor();
  await shot(page, 'phone-recording');
  await accessible(page, 'a recording on a phone');
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Open the menu' }).click();
  await page.getByRole('link', { name: 'Who could reach what' }).click();
  await page.getByRole('heading', { level: 1, name: 'Who could reach what' }).waitFor();
  await settled(page);
  assert.ok((await wide()) <= 0, 'the page is no wider than the screen');
  await shot(page, 'phone-exposure');
}

/** notListening: who grants the hearing does not have it. */
export async function notListening(page, url) {
  await page.goto(`${url}/recordings`);
  await page.locator('[data-row]').first().click();
  await page.getByText('Your role sees the list but does not listen').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Play', exact: true }).isDisabled(), true);
}
