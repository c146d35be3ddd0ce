import { settled } from '../lib/browser.mjs';
import { until } from '../lib/demo.mjs';

/** keyboard: from the list to the sound and back, and no hand on the mouse. */
export async function keyboard(page, base) {
  await page.goto(`${base}/recordings`);
  await settled(page);
  const focused = () => page.evaluate(() => document.activeElement?.id || (document.activeElement !== document.body && document.activeElement?.textContent?.trim()) || '');
  await until('the skip link', async () => {
    await page.keyboard.press('Tab');
    return (await focused()) === 'Skip to the page';
  }, 2000);
  const row = async (what, fits) => {
    let now = '';
    await until(what, async () => /^row-/.test((now = await focused())) && fits(now), 5000);
    return now;
  };
  await page.locator('[id^="row-"]').first().waitFor();
  await page.keyboard.press('j');
  const first = await row('the focus on a row', () => true);
  await page.keyboard.press('ArrowDown');
  const second = await row('the focus on the next row', (now) => now !== first);
  await page.keyboard.press('k');
  await row('the focus back on the first row', (now) => now === first);

  await page.keyboard.press('Enter');
  const drawer = page.getByRole('dialog');
  await until('the focus on play', async () => (await focused()) === 'play');
  await page.keyboard.press('Space');
  await drawer.getByRole('button', { name: 'Pause' }).waitFor();
  await page.keyboard.press('Space');
  await drawer.getByRole('button', { name: 'Play', exact: true }).waitFor();
  await page.keyboard.press('j');
  await page.waitForURL((u) => `row-${u.searchParams.get('open')}` === second);
  await page.keyboard.press('Escape');
  await drawer.waitFor({ state: 'detached' });
  await until('the focus back on the row', async () => (await focused()) === second, 2000);

  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  await until('the focus on the search', async () => (await focused()) === 'words-said', 5000);
  await page.keyboard.press('ArrowDown');
  await until('the focus on the first row again', async () => (await focused()) === first, 5000);
}
