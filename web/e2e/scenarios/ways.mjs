import assert from 'node:assert/strict';
import { accessible, colours, settled, shot, tooWide } from '../lib/browser.mjs';

/** ways: a source that others push to, and one that is fetched: each says what is still to be done, in a dialog that passes axe and fits a phone. */
export async function ways(page, url) {
  for (const [kind, name, button, title, proof] of [
    ['Others push files (SFTP, HTTPS)', 'Branch office', 'Push to Branch office', 'Push to Branch office', 'Password and HTTPS'],
    ['Fetch from elsewhere (SFTP, FTPS)', 'Old exchange', 'Where from: Old exchange', 'Where Old exchange comes from', ''],
  ]) {
    await page.goto(`${url}/settings/sources`);
    await page.getByRole('button', { name: 'Add a source' }).click();
    const form = page.getByRole('dialog', { name: 'Add a source' });
    await form.getByRole('combobox', { name: 'How recordings come' }).click();
    await page.getByRole('option', { name: kind }).click();
    await form.getByLabel('Name', { exact: false }).first().fill(name);
    await form.getByRole('button', { name: 'Add', exact: true }).click();
    await form.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: button }).click();
    const dialog = page.getByRole('dialog', { name: title });
    await dialog.waitFor();
    if (proof) await dialog.getByRole('heading', { name: proof }).waitFor();
    await settled(page);
    const file = kind.split(' ')[0].toLowerCase();
    for (const scheme of ['dark', 'light']) {
      await colours(page, scheme);
      await shot(page, `ways-${file}-${scheme}`);
      await accessible(page, `${title}, ${scheme}`);
    }
    assert.equal(await tooWide(page, `ways-${file}`), 0);
  }
}
