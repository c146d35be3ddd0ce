import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { accessible, settled, shot } from '../lib/browser.mjs';
import { binary } from '../lib/demo.mjs';
import { unzip } from '../lib/zip.mjs';

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
  await replace.waitFor({ timeout: 240_000 }); // without its transcript nothing is replaced, and a busy machine takes its time to hear it
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

/** callers are the numbers that called, each once: the scenarios beside these are about the first. */
async function callers(page, base) {
  const { origin, pathname } = new URL(base);
  const list = await (await page.request.get(`${origin}/api/v1/customers/${pathname.split('/')[2]}/recordings?limit=100`)).json();
  return [...new Set(list.items.filter((r) => r.direction === 'inbound').map((r) => r.caller.number))].filter(Boolean);
}

/** opened opens a request, by keyboard once it is on the page, makes sure of the person, and confirms what was found. */
async function opened(page, base, right, number) {
  await page.goto(`${base}/requests`);
  await page.getByRole('button', { name: 'New request' }).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('What they ask for').click();
  await page.getByRole('option', { name: right }).click();
  await dialog.getByLabel('Name', { exact: true }).fill('A caller');
  await dialog.getByLabel('Telephone numbers').fill(number);
  await dialog.getByLabel('Telephone numbers').press('Enter');
  await dialog.getByRole('button', { name: 'Open and search' }).click();
  await page.getByRole('heading', { level: 1, name: `${right}: A caller` }).waitFor();
  await page.getByRole('heading', { name: /^[1-9]\d* finds?$/ }).waitFor();
  await page.getByLabel('How it was made sure').fill('Called back on the number');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Noted.').waitFor();
  await page.getByLabel('All', { exact: true }).check();
  await page.getByRole('button', { name: /^Theirs \(/ }).click();
  await page.getByRole('cell', { name: 'Theirs', exact: true }).first().waitFor();
}

/** closed takes the answer as PDF, marks the request as answered, and has its certificate checked without the server. */
async function closed(page, right) {
  await settled(page);
  await accessible(page, `a request: ${right}`);
  await shot(page, `request-${right.split(' ')[0].toLowerCase()}`, { fullPage: true });
  const [paper] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'As PDF', exact: true }).click()]);
  assert.equal(readFileSync(await paper.path()).subarray(0, 5).toString(), '%PDF-');
  await page.getByRole('button', { name: 'Answered…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('How was it answered?').fill('By letter');
  await dialog.getByRole('button', { name: 'Mark as answered' }).click();
  await page.getByText(/^Answered .*: By letter$/).waitFor();
  for (const form of ['PDF', 'JSON']) {
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: `Certificate as ${form}` }).click()]);
    const { stdout } = await promisify(execFile)(binary(), ['certificate', 'verify', await file.path()]);
    assert.match(stdout, new RegExp(`, GDPR article ${right.match(/\d+/)}\n[^]*the request was answered `), `what is said of the ${form}`);
    assert.doesNotMatch(stdout, /A caller|By letter|Called back/, 'it says what somebody wrote');
  }
}

/** pack puts together what is kept, takes it, and holds the zip against what the documentation says is in it. */
async function pack(page, text) {
  await page.getByRole('button', { name: 'Put it together' }).click();
  const take = page.getByRole('button', { name: /^Take it \(/ });
  await take.waitFor();
  const [download] = await Promise.all([page.waitForEvent('download'), take.click()]);
  const files = unzip(readFileSync(await download.path()));
  const names = Object.keys(files);
  const manifest = JSON.parse(files['manifest.json']);
  for (const f of manifest) assert.equal(createHash('sha256').update(files[f.name]).digest('hex'), f.sha256, f.name);
  assert.equal(manifest.length, names.length - 1, `not all of ${names} is in the manifest`);
  for (const wanted of [/^personal-data\.json$/, /\/call\.json$/, /\/sound\.wav$/]) assert.ok(names.some((n) => wanted.test(n)), `no ${wanted} in ${names}`);
  for (const one of JSON.parse(files['personal-data.json']).finds.filter((f) => f.id.startsWith('rec_'))) {
    assert.ok(text.test(one.transcript) ? one.transcript in files : one.transcript.startsWith('none: '), `of its transcript it says ${one.transcript}`);
  }
  return files;
}

/** access: a person is handed what is kept of them (article 15). */
export async function access(page, base) {
  const [, number] = await callers(page, base);
  await opened(page, base, 'Access (15)', number);
  const files = await pack(page, /\/transcript\.txt$/);
  assert.match(files['explanation.txt'].toString(), /^What is kept of you, and why/);
  await closed(page, 'Access (15)');
  await settled(page);
  await accessible(page, 'a closed request');
  await shot(page, 'request-closed', { fullPage: true });
}

/** portability: the same for machines (article 20). */
export async function portability(page, base) {
  const [, number] = await callers(page, base);
  await opened(page, base, 'Portability (20)', number);
  await pack(page, /\/transcript\.json$/);
  await closed(page, 'Portability (20)');
}

/** restrict: recordings are only stored, and that is lifted once the person was told (article 18). */
export async function restrict(page, base) {
  const [, number] = await callers(page, base);
  await opened(page, base, 'Restriction (18)', number);
  await page.getByRole('button', { name: 'Restrict what is theirs' }).click();
  await page.getByText(/^\d+ recordings? restricted$/).waitFor();
  await closed(page, 'Restriction (18)');
  await page.getByRole('button', { name: 'Lift…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('When and how was the person told?').fill('Yesterday, by letter');
  await dialog.getByRole('button', { name: 'Lift', exact: true }).click();
  await page.getByText(/recordings? restricted$/).waitFor({ state: 'detached' });
}

/** object: later calls are not transcribed; taken back, they are again (article 21). */
export async function object(page, base) {
  const [, number] = await callers(page, base);
  await opened(page, base, 'Objection (21)', number);
  await page.getByLabel('No transcript is made').click();
  const kept = page.getByRole('checkbox', { name: 'No transcript is made', checked: true });
  await kept.waitFor(); // once the server has it
  await page.reload();
  await kept.waitFor();
  await closed(page, 'Objection (21)');
  await page.getByRole('button', { name: 'Take it back' }).click();
  await page.getByRole('heading', { name: 'Stop processing' }).waitFor({ state: 'detached' });
}

/** rectify: a number is put right on the cards of a call (article 16). */
export async function rectify(page, base) {
  const [, number] = await callers(page, base);
  await opened(page, base, 'Rectification (16)', number);
  await page.getByRole('combobox', { name: 'Recording' }).click();
  await page.getByRole('option').first().click();
  await page.getByRole('combobox', { name: 'What is wrong' }).click();
  await page.getByRole('option', { name: 'A number' }).click();
  await page.getByLabel('As it stands').fill(number);
  await page.getByLabel('As it should be').fill('+447700900999');
  await page.getByRole('button', { name: 'Put it right' }).click();
  await page.getByText('Put right.').waitFor();
  assert.ok((await callers(page, base)).some((n) => n.endsWith('7700900999')), 'the card does not say it');
  await closed(page, 'Rectification (16)');
}
