import assert from 'node:assert/strict';
import { settled, shot } from '../lib/browser.mjs';
import { until } from '../lib/demo.mjs';
import { drop, freshSound } from '../lib/wav.mjs';

/** arriving: a file that lands in the folder stands in the list within five seconds, without a reload. */
export async function arriving(page, demo) {
  await settled(page);
  const ids = () => page.locator('[data-row]').evaluateAll((rows) => rows.map((r) => r.id));
  const before = new Set(await ids());
  await page.evaluate(() => (window.stayed = true));
  drop(demo.drop_folder, `arriving-${Date.now()}.wav`, freshSound('double-charge.wav', Date.now() % 97));
  const dropped = Date.now();
  const id = await until('the new row', async () => (await ids()).find((i) => !before.has(i)), 5000, 50);
  console.log(`    a dropped file stood in the list after ${((Date.now() - dropped) / 1000).toFixed(1)} s`);
  assert.equal(await page.evaluate(() => window.stayed), true, 'the page was not loaded again');
  assert.match(await page.locator('[aria-live=polite].sr').innerText(), /1 new recording/);
  await shot(page, 'arrived');
  await page.locator(`#${id}`).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Play', exact: true }).waitFor();
  await page.keyboard.press('Escape');
  return id;
}

/** transcribed: the transcript of what was dropped comes by itself, too. */
export async function transcribed(page, id) {
  const row = page.locator('tr', { has: page.locator(`#${id}`) });
  await row.getByText('Draft').waitFor({ timeout: 150_000 });
}

/** broken: a file that is no sound is listed with its reason, and stops nothing. */
export async function broken(page, demo, base) {
  drop(demo.drop_folder, 'shopping-list.wav', Buffer.from('milk, bread, two oak chairs\n'.repeat(40)));
  await page.goto(`${base}/attention`);
  const file = page.getByRole('article', { name: /shopping-list\.wav/ });
  await file.waitFor({ timeout: 20_000 });
  assert.ok((await file.innerText()).length > 40, 'it says why and what to do');
  await shot(page, 'attention');
}
