import assert from 'node:assert/strict';
import { accessible, settled, shot } from '../lib/browser.mjs';
import { until } from '../lib/demo.mjs';

/** receipts: of whom a purpose is asked is chosen, and what was opened stands in the list. `page` is an administrator's. */
export async function receipts(page, base) {
  await page.goto(`${base}/receipts`);
  await page.getByRole('button', { name: 'Purposes' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Auditor').check(); // nobody who listens in the scenarios beside this one
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByText('From the next opening on.').waitFor();
  await page.getByRole('combobox', { name: 'How it was opened' }).click();
  await page.getByRole('option', { name: 'Saw names and numbers' }).click();
  await page.getByRole('cell', { name: 'Saw names and numbers' }).first().waitFor();
  await settled(page);
  await accessible(page, 'receipts');
  await shot(page, 'receipts');
}

/** requests: a person asks for erasure, is found, decided, and the plan says what would go. */
export async function requests(page, base) {
  const { origin, pathname } = new URL(base);
  const list = await (await page.request.get(`${origin}/api/v1/customers/${pathname.split('/')[2]}/recordings`)).json();
  const number = list.items.find((r) => r.direction === 'inbound' && r.caller.number)?.caller.number;
  await page.goto(`${base}/requests`);
  await page.getByRole('button', { name: 'New request' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('What they ask for').click();
  await page.getByRole('option', { name: 'Erasure (17)' }).click();
  await dialog.getByLabel('Name', { exact: true }).fill('A caller');
  await dialog.getByLabel('Telephone numbers').fill(number);
  await dialog.getByLabel('Telephone numbers').press('Enter');
  await settled(page);
  await accessible(page, 'a new request');
  await shot(page, 'request-new');
  await dialog.getByRole('button', { name: 'Open and search' }).click();
  await page.getByRole('heading', { level: 1, name: 'Erasure (17): A caller' }).waitFor();
  await page.getByRole('heading', { name: /\d+ finds?/ }).waitFor({ timeout: 15_000 });
  await page.getByLabel('How it was made sure').fill('Called back on the number');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByLabel('All', { exact: true }).check();
  await page.getByRole('button', { name: /^Theirs \(/ }).click();
  await page.getByRole('button', { name: /^Erase \d+…$/, disabled: false }).waitFor();
  await settled(page);
  await accessible(page, 'a request');
  await shot(page, 'request');
  await page.getByRole('button', { name: 'Draft' }).click();
  assert.match(await page.getByLabel('Draft of the letter').inputValue(), /^Dear A caller,/);
}

/** pseudonyms: the person of the request becomes a pseudonym in what was confirmed. */
export async function pseudonyms(page, base) {
  const replace = page.getByRole('button', { name: /^Replace in \d+ recordings?…$/, disabled: false });
  await until('the transcript, without which nothing is replaced', async () => {
    if (await replace.count()) return true;
    await page.reload();
    await page.getByText('Replace names and numbers by pseudonyms').waitFor();
    return settled(page);
  }, 90_000);
  await replace.scrollIntoViewIfNeeded();
  await shot(page, 'request-pseudonyms');
  const n = (await replace.innerText()).match(/\d+/)[0];
  await replace.click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(`Type ${n} to confirm`).fill(n);
  await settled(page);
  await accessible(page, 'names are replaced');
  await dialog.getByRole('button', { name: 'Replace' }).click();
  await page.getByText('Names and numbers are being replaced').waitFor();
  await page.goto(`${base}/pseudonyms`);
  await page.getByText('Ended', { exact: true }).first().waitFor({ timeout: 30_000 });
  const pseudonym = (await page.getByRole('cell', { name: /-[A-Z0-9]{5}/ }).first().innerText()).trim();
  await settled(page);
  await accessible(page, 'pseudonyms');
  await shot(page, 'pseudonyms-used');
  return pseudonym;
}

/** standsFor: a SuperUser looks up whom a pseudonym stands for, and says why. */
export async function standsFor(page, base, pseudonym) {
  await page.goto(`${base}/pseudonyms`);
  await page.getByRole('textbox', { name: 'Pseudonym', exact: true }).fill(pseudonym);
  await page.getByLabel('Reason').fill('They ask for it');
  await page.getByRole('button', { name: 'Look up' }).click();
  await page.getByText('It stands for').waitFor();
  await settled(page);
  await accessible(page, 'whom a pseudonym stands for');
  await shot(page, 'pseudonym-looked-up');
}

/** breaches: a key was in wrong hands; what was within reach is counted, and the notice is drafted. */
export async function breaches(page, base) {
  await page.goto(`${base}/breaches`);
  await page.getByRole('button', { name: 'Something was in wrong hands' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('What was it').click();
  await page.getByRole('option', { name: "The customer's key" }).click();
  await dialog.getByLabel('What happened').fill('A disk was stolen');
  await dialog.getByRole('button', { name: 'Write it down' }).click();
  await page.getByText('Could have reached').waitFor();
  await page.getByRole('button', { name: 'Draft' }).click();
  assert.match(await page.getByLabel('Draft of the notice').inputValue(), /A disk was stolen/);
  await settled(page);
  await accessible(page, 'a breach');
  await shot(page, 'breach');
}
