import assert from 'node:assert/strict';
import { accessible, colours, settled, shot, tooWide } from '../lib/browser.mjs';

/** keys: the key is rotated while everything goes on; a key server at an inner address is refused beside its field. */
export async function keys(page, url) {
  await page.goto(`${url}/keys`);
  await page.getByText('version 1', { exact: false }).waitFor();
  await page.getByRole('button', { name: 'Rotate the key' }).click();
  const dialog = page.getByRole('dialog', { name: 'Rotate the customer key?' });
  await accessible(page, 'asking for a rotation');
  await dialog.getByRole('button', { name: 'Rotate the key' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByText('version 2', { exact: false }).waitFor();
  await page.getByRole('cell', { name: 'Rotated' }).waitFor();
  const server = page.getByRole('form', { name: 'Key server' });
  await server.getByLabel('Address of the key server').fill('https://10.0.0.7:8200');
  await server.getByLabel('Name of the key').fill('ringfence');
  await server.getByLabel('Region').fill('UK');
  await server.getByLabel('Role id').fill('a-role');
  await server.getByLabel('Secret id').fill('a-secret');
  await server.getByRole('button', { name: 'Save' }).click();
  await server.getByText('the operator of this server must allow it first').waitFor();
  await settled(page);
  await shot(page, 'keys-refused');
  await accessible(page, 'a key server that is refused');
}

/** rootKey: the provider sees the root key, what needs it, and how it is rotated; nothing waits yet. */
export async function rootKey(page) {
  await page.getByRole('link', { name: 'Keys', exact: true }).click();
  await page.getByText('ringfence keys rotate root').waitFor();
  assert.ok(await page.getByRole('button', { name: 'Take up the next root key' }).isDisabled());
  assert.equal(await page.getByRole('alert').count(), 0);
  for (const scheme of ['light', 'dark']) {
    await colours(page, scheme);
    await settled(page);
    await shot(page, `root-key-${scheme}`);
    await accessible(page, `the root key, ${scheme}`);
  }
  assert.equal(await tooWide(page, 'root-key'), 0);
}
