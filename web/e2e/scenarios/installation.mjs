import assert from 'node:assert/strict';
import { accessible, colours, settled, shot, tooWide } from '../lib/browser.mjs';

/** installation: what the server is, in both schemes and on a phone; only the provider is offered the page. */
export async function installation(page) {
  await page.getByRole('link', { name: 'This installation' }).click();
  await page.getByRole('heading', { level: 1, name: 'This installation' }).waitFor();
  await page.getByRole('cell', { name: 'Second keys' }).waitFor();
  assert.equal(await page.getByRole('alert').count(), 0);
  for (const scheme of ['light', 'dark']) {
    await colours(page, scheme);
    await settled(page);
    await shot(page, `installation-${scheme}`);
    await accessible(page, `the installation, ${scheme}`);
  }
  assert.equal(await tooWide(page, 'installation'), 0);
}
