import assert from 'node:assert/strict';
import { accessible, colours, settled, shot, tooWide } from '../lib/browser.mjs';

/** retention: a rule is added, looked at as a whole, asked for with its reason, and waits. `page` is an administrator's. */
export async function retention(page, base) {
  await page.goto(`${base}/settings/retention`);
  await page.getByRole('button', { name: 'Add a rule' }).click();
  const form = page.getByRole('dialog');
  await form.getByLabel('Name').fill('Internal calls');
  await form.getByLabel('Directions').focus(); // its input is hidden below what was chosen
  await page.keyboard.press('ArrowDown');
  await page.getByRole('option', { name: 'internal' }).click();
  await form.getByLabel('Days, counted from the call').fill('365000');
  await form.getByText('Between 1 and 36,500 days').waitFor();
  await form.getByRole('button', { name: 'Take over' }).click();
  await form.getByLabel('Days, counted from the call').fill('30');
  await settled(page);
  await accessible(page, 'a retention rule');
  await form.getByRole('button', { name: 'Take over' }).click();
  await page.getByRole('cell', { name: 'Internal calls', exact: true }).waitFor();
  await page.getByRole('button', { name: 'See what it would do' }).click();
  const effect = page.getByRole('dialog');
  await effect.getByText('this waits 7 days, or for a second person').waitFor();
  await settled(page);
  await accessible(page, 'what rules would do');
  await shot(page, 'retention-preview');
  await effect.getByRole('button', { name: 'Back' }).click();
  await page.getByRole('button', { name: 'Undo my changes' }).click();
}

/** holds: a hold on a source is counted, placed, and asked to be lifted; who asked is not offered to agree. */
export async function holds(page, base) {
  await page.goto(`${base}/holds`);
  await page.getByRole('button', { name: 'Place a hold' }).click();
  const form = page.getByRole('dialog');
  await form.getByLabel('Matter').fill('Oak v Smith');
  await form.getByLabel('Reason').fill('A claim was announced');
  await form.getByRole('combobox', { name: 'Source' }).click();
  await page.getByRole('option').first().click();
  await form.getByRole('button', { name: 'See how many' }).click();
  await form.getByText('would be held').waitFor();
  await settled(page);
  await accessible(page, 'a hold');
  await form.getByRole('button', { name: /^Hold \d+$/ }).click();
  await page.getByRole('cell', { name: /^Oak v Smith/ }).waitFor();
  await settled(page);
  await accessible(page, 'legal holds');
  await shot(page, 'holds');
  await page.getByRole('button', { name: 'Lift: Oak v Smith' }).click();
  const lift = page.getByRole('dialog');
  const n = /Type (\d+)/.exec(await lift.getByText(/Type \d+ to confirm/).innerText())[1];
  await lift.getByLabel('Reason').fill('It was settled');
  await lift.getByLabel(`Type ${n} to confirm`).fill(n);
  await lift.getByRole('button', { name: 'Ask for it' }).click();
  await page.getByText('Waits for a second person', { exact: true }).waitFor();
  await page.goto(`${base}/approvals`);
  await page.getByText('You asked for it: somebody else has to agree.').waitFor();
  await page.getByText(/Oak v Smith.*under it now/).waitFor();
  await settled(page);
  await accessible(page, 'what waits for a second person');
  await shot(page, 'approvals');
  await page.getByRole('button', { name: 'Take it back' }).click();
  await page.getByText('Nothing waits').waitFor();
}

/** labels: a recording is labelled in its drawer, others in the list; the label and the hold narrow the list. */
export async function labels(page, base) {
  await page.goto(`${base}/recordings`);
  await page.locator('[data-row]').first().click();
  const drawer = page.getByRole('dialog');
  await drawer.getByRole('combobox', { name: 'Add a label' }).fill('Complaint');
  await page.getByRole('option', { name: 'Make “Complaint”' }).click();
  await drawer.getByRole('button', { name: 'Take off: Complaint' }).waitFor();
  await settled(page);
  await accessible(page, 'labels of a recording');
  await shot(page, 'labels');
  await drawer.getByRole('button', { name: 'Hold this recording' }).click();
  const hold = page.getByRole('dialog', { name: 'Hold this recording' });
  await hold.locator('input').first().fill('Oak v Smith');
  await hold.getByLabel('Reason').fill('A claim was announced');
  await settled(page);
  await accessible(page, 'holding one recording');
  await hold.getByRole('button', { name: 'Hold', exact: true }).click();
  await hold.waitFor({ state: 'detached' });
  await drawer.getByText('Held', { exact: true }).waitFor();
  await drawer.getByRole('button', { name: 'Close' }).click();
  const choose = page.getByRole('checkbox', { name: /^Choose (?!all)/ });
  await choose.nth(1).check();
  await choose.nth(2).check();
  const chosen = page.getByRole('group', { name: 'Chosen recordings' });
  await chosen.getByText('2 recordings chosen').waitFor();
  await chosen.getByRole('button', { name: 'Label…' }).click();
  const many = page.getByRole('dialog', { name: 'Label 2 recordings' });
  await many.getByRole('combobox', { name: 'Choose a label' }).click();
  await page.getByRole('option', { name: 'Complaint' }).click();
  await settled(page);
  await accessible(page, 'labelling several');
  await shot(page, 'labels-many');
  await many.getByRole('button', { name: 'Put on' }).click();
  await page.getByText('2 recordings labelled anew.').waitFor();
  await page.getByRole('button', { name: 'Filters' }).click();
  const filters = page.getByRole('dialog', { name: 'Filters' });
  await filters.getByRole('checkbox', { name: 'Only under a legal hold' }).check();
  await page.keyboard.press('Escape');
  await page.getByText('held', { exact: true }).first().waitFor();
  await page.getByRole('button', { name: 'Remove filter: Held' }).click();
  await page.goto(`${base}/settings/retention`);
  await page.getByRole('button', { name: 'Remove the label Complaint' }).click();
  const remove = page.getByRole('dialog', { name: 'Remove the label Complaint?' });
  await remove.getByText('It is taken off 3 recordings').waitFor();
  await settled(page);
  await accessible(page, 'removing a label');
  assert.ok(await remove.getByRole('button', { name: 'Remove' }).isDisabled(), 'not without the count');
  await remove.getByLabel('Type 3 to confirm').fill('3');
  await remove.getByRole('button', { name: 'Remove' }).click();
  await page.getByText('The label is removed.').waitFor();
}

/** departing: the page while it is final that a customer leaves. The answer is made up: a server comes to it after 72 hours. */
export async function departing(page, base) {
  const asking = {
    state: 'asking', recordings: 1204, held: 0, approval_id: null, asked_at: null, not_before: null, reason: '',
    boxes: 2, boxes_answered: 1, folders: 3, folders_answered: 3, asking_until: new Date(Date.now() + 20 * 3_600_000).toISOString(),
  };
  await page.route('**/departure', (route) => route.fulfill({ json: asking }));
  await colours(page, 'light');
  await page.goto(`${base}/leave`);
  await page.getByText('It is final').waitFor();
  await page.getByText('1 of 2 answered').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Make the bundle' }).count(), 0, 'nothing can be taken along any more');
  await settled(page);
  await shot(page, 'departing-light');
  await accessible(page, 'leaving for good, light');
  await colours(page, 'dark');
  await shot(page, 'departing-dark');
  await accessible(page, 'leaving for good, dark', ['color-contrast']);
  assert.equal(await tooWide(page, 'departing'), 0, 'too wide for a phone');
  await colours(page, 'light');
  await page.unroute('**/departure');
}
