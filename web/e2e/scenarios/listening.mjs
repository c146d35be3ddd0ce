import assert from 'node:assert/strict';
import { accessible, colours, settled, shot } from '../lib/browser.mjs';
import { pause, until } from '../lib/demo.mjs';

const position = async (page) => {
  const [m, s] = (await page.getByTestId('position').innerText()).split('/')[0].trim().split(':').map(Number);
  return m * 60 + s;
};

/** firstTranscribed waits until the demo has transcribed a recording, and gives its row. */
async function firstTranscribed(page) {
  const row = page.locator('tr', { has: page.locator('[data-row]') }).filter({ hasText: 'Draft' }).first();
  await row.waitFor({ timeout: 90_000 });
  return row;
}

/** listening: what the portal is for. Open, play, seek, read in step, and see the receipts. */
export async function listening(page) {
  await settled(page);
  assert.ok((await page.locator('[data-row]').count()) >= 12, 'the demo shows its dozen conversations');
  const row = await firstTranscribed(page);
  await row.click();
  const drawer = page.getByRole('dialog');
  await drawer.getByText('Sealed. Pressing play opens it').waitFor();
  await shot(page, 'sealed');

  await drawer.getByRole('button', { name: 'Play', exact: true }).click();
  await drawer.getByRole('slider', { name: 'Position in the recording' }).waitFor();
  await until('the sound to run', async () => (await position(page)) >= 1);
  await drawer.getByRole('button', { name: 'Pause' }).click();
  const before = await position(page);
  await page.keyboard.press('ArrowRight');
  await until('the seek', async () => (await position(page)) >= before + 4);

  await drawer.getByRole('button', { name: 'Read the transcript' }).click();
  const lines = drawer.getByRole('list', { name: 'Transcript' }).getByRole('listitem');
  await lines.first().waitFor();
  await inStep(page, drawer, lines);

  await drawer.getByRole('button', { name: 'Silence the caller' }).click();
  assert.equal(await drawer.getByRole('button', { name: 'Silence the caller' }).getAttribute('aria-pressed'), 'true');
  await drawer.getByRole('button', { name: /Speed/ }).click();
  await page.getByRole('menuitem', { name: '1.5×' }).click();
  await drawer.getByRole('button', { name: 'Speed: 1.5 times' }).waitFor();
  await shot(page, 'listening');

  await drawer.getByRole('tab', { name: /Who opened it/ }).click();
  const receipts = drawer.getByRole('list', { name: 'Who opened it' });
  await receipts.getByText('Read the transcript').first().waitFor();
  await receipts.getByText('Listened').first().waitFor();
  await drawer.getByRole('tab', { name: 'File' }).click();
  assert.match(await drawer.getByText(/^SHA-256 [0-9a-f]{64}$/).first().innerText(), /[0-9a-f]{64}/);
  await drawer.getByRole('tab', { name: 'Call', exact: true }).click();
  await page.keyboard.press('Escape');
  await drawer.waitFor({ state: 'detached' });
}

/** inStep: a click on a turn goes there, and the turn that is heard is the one that is marked. */
async function inStep(page, drawer, lines) {
  const last = (await lines.count()) - 1;
  await lines.nth(last).getByRole('button', { name: /Go to/ }).click();
  await until('the last turn to be marked', async () => (await lines.nth(last).getAttribute('aria-current')) === 'true');
  await lines.nth(0).getByRole('button', { name: /Go to/ }).click();
  await until('the first turn to be marked', async () => (await lines.nth(0).getAttribute('aria-current')) === 'true');
  await drawer.getByRole('button', { name: 'Play', exact: true }).click();
  await pause(600);
  await drawer.getByRole('button', { name: 'Pause' }).click();
  assert.equal(await lines.nth(0).locator('[class*=now]').count(), 1, 'one word is marked as heard');
}

/** finding: a word that stands in a transcript leads to its recording, and the address holds the search. */
export async function finding(page, base) {
  await page.goto(`${base}/recordings`);
  await settled(page);
  const row = await firstTranscribed(page);
  const id = await row.locator('[data-row]').getAttribute('id');
  await row.click();
  const drawer = page.getByRole('dialog');
  const read = drawer.getByRole('button', { name: 'Read the transcript' });
  await read.click();
  const transcript = drawer.getByRole('list', { name: 'Transcript' });
  await transcript.getByRole('listitem').first().waitFor(); // the list stands there before its lines do
  const said = await transcript.innerText();
  const word = said.toLowerCase().match(/\b[a-z]{5,}\b/g).find((w) => !['caller', 'agent', 'speaker', 'negative', 'positive', 'about', 'there', 'where', 'hello', 'thank', 'thanks', 'please', 'goodbye', 'right', 'would', 'could', 'which', 'these', 'those', 'their'].includes(w));
  assert.ok(word, `a word to search for in: ${said}`);
  await page.keyboard.press('Escape');
  await drawer.waitFor({ state: 'detached' });
  await page.keyboard.press('/');
  await page.keyboard.type(word);
  await page.waitForURL((u) => u.searchParams.get('words') === word);
  await page.locator(`#${id}`).waitFor();
  await shot(page, 'found');
  await page.getByRole('textbox', { name: 'Words that were said' }).fill('zyzzyva');
  await page.getByText('No recording matches').waitFor();
  await page.goto(`${base}/recordings?words=${word}`);
  await page.locator(`#${id}`).waitFor();
  await page.getByRole('button', { name: `Remove filter: Said: ${word}` }).click();
  await until('the whole list', async () => (await page.locator('[data-row]').count()) >= 12);
}

/** sorting: each order is told to a screen reader and stands in the address. */
export async function sorting(page) {
  const header = page.getByRole('columnheader', { name: 'Length' });
  await header.getByRole('button').click();
  await page.waitForURL((u) => u.searchParams.get('sort') === '-seconds');
  assert.equal(await header.getAttribute('aria-sort'), 'descending');
  await header.getByRole('button').click();
  await page.waitForURL((u) => u.searchParams.get('sort') === 'seconds');
  const column = (await page.getByRole('columnheader').allInnerTexts()).findIndex((text) => text.trim() === 'Length') + 1;
  await until('the rows in order', async () => {
    const lengths = await page.locator(`tbody tr td:nth-child(${column})`).allInnerTexts();
    const seconds = lengths.map((l) => l.split('\n')[0].split(':').reduce((a, b) => a * 60 + Number(b), 0));
    return seconds.length > 1 && seconds.every((s, i) => i === 0 || s >= seconds[i - 1]);
  });
  await page.getByRole('columnheader', { name: 'When' }).getByRole('button').click();
}

/** bothSchemes: an open recording and each of its tabs, as axe sees them. */
export async function bothSchemes(page, base) {
  for (const scheme of ['light', 'dark']) {
    await colours(page, scheme);
    await page.goto(`${base}/recordings`);
    await (await firstTranscribed(page)).click();
    await page.getByRole('button', { name: 'Play', exact: true }).click();
    await page.getByRole('button', { name: 'Read the transcript' }).click();
    await page.getByRole('list', { name: 'Transcript' }).waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await accessible(page, `a recording, ${scheme}`);
    await shot(page, `recording-${scheme}`);
    for (const tab of [/^Call$/, /Who opened it/, /^File$/]) {
      await page.getByRole('tab', { name: tab }).click();
      await accessible(page, `a recording, ${tab}, ${scheme}`);
    }
  }
  await colours(page, 'light');
  await page.goto(`${base}/recordings`);
}
