import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { accessible, settled, shot } from '../lib/browser.mjs';

/** verification: the page shows a checkpoint, and a witness is added and taken out. */
export async function verification(page, base) {
  await page.goto(`${base}/verification`);
  await page.getByRole('button', { name: 'Sign now' }).click();
  await page.getByRole('button', { name: /Save the checkpoint of/ }).first().waitFor();
  await page.getByLabel('E-mail address').fill('witness@example.com');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('button', { name: 'Remove witness@example.com' }).waitFor();
  await settled(page);
  await accessible(page, 'verification');
  await shot(page, 'verification');
  await page.getByRole('button', { name: 'Remove witness@example.com' }).click();
  await page.getByText('Nobody yet.').waitFor();
}

/** evidence: a file is made from the drawer, taken, and checked by its own page from a disk; altered ones are refused. */
export async function evidence(page) {
  await settled(page);
  await page.locator('[data-row], tbody a').first().click();
  const drawer = page.getByRole('dialog').first();
  await drawer.getByRole('button', { name: 'Evidence file' }).click();
  const dialog = page.getByRole('dialog', { name: 'Evidence file' });
  await dialog.getByLabel('Purpose').fill('A hearing on Monday');
  await dialog.getByRole('button', { name: 'Make the file' }).click();
  const [download] = await Promise.all([page.waitForEvent('download', { timeout: 20_000 }), dialog.getByRole('button', { name: 'Download' }).click({ timeout: 20_000 })]);
  await shot(page, 'evidence');
  const dir = mkdtempSync(join(tmpdir(), 'evidence-'));
  const zip = join(dir, 'evidence.zip');
  await download.saveAs(zip);
  const bytes = readFileSync(zip);
  const html = await page.request.get(new URL('/verify.html', page.url()).href);
  writeFileSync(join(dir, 'verify.html'), await html.body());
  const stick = await page.context().newPage();
  await stick.goto(pathToFileURL(join(dir, 'verify.html')).href);
  await stick.getByLabel('The file').setInputFiles(zip);
  await stick.getByText('Everything holds.').waitFor({ timeout: 10_000 });
  await shot(stick, 'evidence-verify');
  const refused = await stick.evaluate(
    async ([text, n]) => {
      const whole = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
      let held = 0;
      for (let i = 0; i < n; i++) {
        let m = whole.slice();
        const at = Math.floor(((i + 0.5) * m.length) / n);
        if (i % 5 === 4) m = m.slice(0, at);
        else m[at] ^= 1 << i % 8;
        if ((await verifyBundle(new Blob([m]))).holds) held++;
      }
      return n - held;
    },
    [bytes.toString('base64'), 50],
  );
  assert.equal(refused, 50, 'each altered file is refused');
  await stick.close();
}
