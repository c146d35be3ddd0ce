import assert from 'node:assert/strict';
import { accessible, settled, shot } from '../lib/browser.mjs';

/** directory: an extension is assigned, a file with a fault is refused line by line, a good one is stored, and an assignment ends. */
export async function directory(page, base) {
  await page.goto(`${base}/settings/directory`);
  await page.getByRole('heading', { level: 1, name: 'Directory' }).waitFor();
  await page.getByRole('button', { name: 'Assign an extension' }).click();
  const form = page.getByRole('dialog');
  await form.getByLabel('Extension').fill('311');
  await form.getByLabel('Name').fill('Iris Vane');
  await form.getByLabel('Team').fill('Night');
  await accessible(page, 'the form of the directory');
  await form.getByRole('button', { name: 'Assign' }).click();
  await page.getByRole('cell', { name: 'Iris Vane', exact: true }).waitFor();

  await page.getByRole('button', { name: 'Import a file' }).click();
  const file = (text) => ({ name: 'directory.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
  const choose = (text) => page.locator('input[type=file]').setInputFiles(file(text));
  await choose('extension;name;from;to\n311;Somebody Else;;\n312;Otto Lind;2026-13-01;\n');
  await page.getByText('2 lines have faults').waitFor();
  await page.getByText('311 is assigned to Iris Vane').waitFor();
  assert.ok(await page.getByRole('dialog').getByRole('button', { name: 'Store' }).isDisabled());
  await shot(page, 'directory-faults');
  await accessible(page, 'a file with faults');
  await choose('extension;name;team\n312;Otto Lind;Night\n313;Pia Moss;Day\n');
  await page.getByText('2 to add').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Store' }).click();
  await page.getByRole('cell', { name: 'Pia Moss', exact: true }).waitFor();
  await shot(page, 'directory');
  await accessible(page, 'the directory');

  await page.getByRole('button', { name: 'End 313, Pia Moss' }).click();
  await page.getByRole('button', { name: 'End now' }).click();
  await page.getByText('The calls until now stay theirs.').waitFor();
}

/** why: the table marks the reader's role, and the administrator asks why. */
export async function why(page, base) {
  await page.goto(`${base}/permissions`);
  await page.getByRole('heading', { level: 1, name: 'Who may do what' }).waitFor();
  await page.getByText('yours').first().waitFor();
  await page.getByRole('textbox', { name: 'Person' }).or(page.getByRole('combobox', { name: 'Person' })).first().click();
  await page.getByRole('option', { name: /Sam Okafor/ }).click();
  await page.getByRole('button', { name: 'Ask' }).click();
  await page.getByText('Sam Okafor may listen to a recording').waitFor();
  await shot(page, 'permissions');
  await accessible(page, 'who may do what');
}

/** letIn: the administrator lets the provider's person in. */
export async function letIn(page, base, email) {
  await page.goto(`${base}/support`);
  await page.getByRole('button', { name: 'Let somebody in' }).click();
  const form = page.getByRole('dialog');
  await form.getByLabel('E-mail').fill('nobody@demo.example');
  await form.getByLabel('Why').fill('No sound on line 4');
  await accessible(page, 'the form of support access');
  await form.getByRole('button', { name: 'Let in' }).click();
  await form.getByText('nobody with this address works for your provider or reseller').waitFor();
  await shot(page, 'support-form');
  await form.getByLabel('E-mail').fill(email);
  await form.getByRole('button', { name: 'Let in' }).click();
  await page.getByRole('region', { name: 'Support access' }).getByText('can come in').waitFor();
  await shot(page, 'support');
  await accessible(page, 'support access');
}

/** helping: the helper sees the banner on every page and ends it. */
export async function helping(page, url, base) {
  await page.goto(`${base}/exposure`);
  const banner = page.getByRole('region', { name: 'Support access' });
  await banner.getByText('No sound on line 4').waitFor();
  await settled(page);
  await shot(page, 'support-banner');
  await accessible(page, 'the banner of support access');
  await page.goto(`${base}/log`);
  await banner.getByRole('button', { name: 'End it now' }).click();
  await page.waitForURL((u) => !u.pathname.startsWith(new URL(base).pathname));
}

/** scoped: a supervisor is given a scope. */
export async function scoped(page, base) {
  await page.goto(`${base}/settings/members`);
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  const form = page.getByRole('dialog');
  await form.getByLabel('Name').fill('Sue Person');
  await form.getByLabel('E-mail').fill('sue@demo.example');
  await form.getByLabel('Supervisor').check();
  await form.getByRole('checkbox', { name: 'User', exact: true }).uncheck();
  await form.getByLabel('Queues').fill('sales');
  await page.keyboard.press('Enter');
  await settled(page);
  await shot(page, 'members-scope');
  await accessible(page, 'the scope of a supervisor');
  await form.getByRole('button', { name: 'Invite' }).click();
  await page.getByRole('cell', { name: 'queues sales' }).waitFor();
}
