import { accessible, settled, shot } from '../lib/browser.mjs';

/**
 * recordingClient: a network that is half the world is refused beside its field; one address stands, and the page says what is
 * still missing. What was made is not made twice.
 */
export async function recordingClient(page, url) {
  await page.goto(`${url}/settings/siprec`);
  await page.getByRole('button', { name: 'Add a recording client' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add a recording client' });
  await dialog.getByLabel('Name').fill('Edge SBC');
  const peers = dialog.getByLabel('Addresses');
  await peers.fill('0.0.0.0/0');
  await peers.press('Enter');
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await dialog.getByText('is half the world').first().waitFor();
  await shot(page, 'siprec-refused');
  await accessible(page, 'a recording client that is refused');
  await peers.press('Backspace');
  await peers.fill('203.0.113.7');
  await peers.press('Enter');
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  const card = page.getByRole('article', { name: 'Edge SBC' });
  await card.getByText('No call since the server has started').waitFor();
  await card.getByText('Unverified').waitFor();
  await settled(page);
  if ((await page.getByRole('article', { name: 'Edge SBC' }).count()) !== 1) throw new Error('it was made twice');
  await shot(page, 'siprec');
  await accessible(page, 'recording sessions');
}
