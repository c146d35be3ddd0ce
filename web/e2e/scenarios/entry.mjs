import assert from 'node:assert/strict';
import { accessible, settled, shot } from '../lib/browser.mjs';

/**
 * accessLists: a rule that would lock out is refused with the reason, one that covers is tried first and then stands, an
 * address is explained, and the rule is taken out again. `page` is a customer's or a node's, signed in as an administrator.
 */
export async function accessLists(page, url) {
  await page.goto(url);
  await page.getByText('Your address is 127.0.0.1').waitFor();
  await page.getByRole('button', { name: 'Add a rule' }).click();
  const form = page.getByRole('dialog');
  const network = form.getByLabel('Network');
  await network.fill('203.0.113.7/24');
  await form.getByLabel('Why').fill('The office');
  await form.getByRole('button', { name: 'Add', exact: true }).click();
  await form.getByText('203.0.113.0/24 or 203.0.113.7').waitFor();
  await network.fill('203.0.113.0/24');
  await form.getByRole('button', { name: 'Add', exact: true }).click();
  await form.getByText(/would lock you out/).waitFor();
  await shot(page, 'access-lists-locked-out');
  await network.fill('127.0.0.0/8');
  await form.getByRole('button', { name: 'Try it first' }).click();
  await form.getByText('You would still come in.').waitFor();
  await accessible(page, 'the form of access lists, tried');
  await form.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByRole('button', { name: /^Take out 127\.0\.0\.0\/8/ }).waitFor();
  await page.getByLabel('Address', { exact: true }).fill('198.51.100.1');
  await page.getByRole('button', { name: 'Try', exact: true }).click();
  await page.getByText('Refused').first().waitFor();
  await settled(page);
  await accessible(page, 'access lists with a rule');
  await shot(page, 'access-lists');
  await page.getByRole('button', { name: /^Take out 127\.0\.0\.0\/8/ }).click();
  await page.getByRole('button', { name: 'Take the rule out' }).click();
  await page.getByText('Every way in is open to all networks.').waitFor();
  assert.equal(await page.getByRole('alert').filter({ hasText: /failed|wrong/i }).count(), 0);
}
