import { accessible, settled, shot } from '../lib/browser.mjs';

/** provisioning: a token is shown once, and a value of roles is mapped. `page` is an administrator's. */
export async function provisioning(page, base) {
  await page.goto(`${base}/settings/provisioning`);
  await page.getByText('Nobody has been pushed yet.').waitFor();
  await page.getByRole('button', { name: 'Make a token' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('Entra ID');
  await page.getByRole('dialog').getByRole('button', { name: 'Make' }).click();
  await page.getByText('Keep this token now').waitFor();
  await shot(page, 'provisioning-token');
  await page.getByRole('button', { name: 'I have kept it' }).click();
  await page.getByRole('button', { name: 'A value of roles' }).click();
  await page.getByLabel('Value of roles').fill('Ringfence.Agent');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Every member was brought into line.').waitFor();
  await settled(page);
  await accessible(page, 'provisioning');
  await shot(page, 'provisioning');
}

/** reviewing: a review is begun, decided by keyboard, closed, and its result offered. */
export async function reviewing(page, base) {
  await page.goto(`${base}/reviews`);
  await page.getByRole('button', { name: 'Begin a review now' }).click();
  await page.getByText('By keyboard').waitFor();
  await settled(page);
  await accessible(page, 'an access review');
  await shot(page, 'review');
  const rows = page.locator('tbody tr');
  const n = await rows.count();
  for (let i = 0; i < n; i++) {
    await rows.nth(i).focus();
    await page.keyboard.press('k');
    await rows.nth(i).getByText('Keep', { exact: true }).first().waitFor();
    await settled(page);
  }
  await page.goto(`${base}/reviews`);
  await settled(page);
  await accessible(page, 'access reviews');
  await shot(page, 'reviews');
}

/** leaving: the page of leavers, before anybody is named. */
export async function leaving(page, base) {
  await page.goto(`${base}/leavers`);
  await page.getByRole('button', { name: 'Show what they reach' }).waitFor();
  await settled(page);
  await accessible(page, 'leavers');
  await shot(page, 'leavers');
}
