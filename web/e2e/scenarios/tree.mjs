import assert from 'node:assert/strict';
import { accessible, settled, shot, signIn } from '../lib/browser.mjs';
import { until } from '../lib/demo.mjs';

/** growing: a reseller below the reseller, found by name, and what stands in its log. */
export async function growing(page) {
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.getByRole('link', { name: 'Organisations' }).click();
  await page.getByRole('link', { name: 'Bellweather Telecom' }).click();
  await page.getByRole('heading', { level: 1, name: 'Bellweather Telecom' }).waitFor();
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Kind').click();
  await page.getByRole('option', { name: 'Reseller' }).click();
  await dialog.getByRole('textbox', { name: 'Name', exact: true }).fill('Bellweather Coast');
  await dialog.getByRole('textbox', { name: "Administrator's name" }).fill('Wes Tide');
  await dialog.getByRole('textbox', { name: "Administrator's e-mail" }).fill('wes@coast.example');
  await dialog.getByRole('button', { name: 'Add and invite' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('link', { name: 'Bellweather Coast' }).waitFor();
  await page.getByLabel('Find by name').fill('ember');
  await page.getByRole('link', { name: 'Oak & Ember Furniture' }).waitFor();
  await until('the list of what was found', async () => (await page.getByRole('link', { name: 'Bellweather Coast' }).count()) === 0);
  await page.getByLabel('Find by name').fill('');
  await page.getByRole('link', { name: 'Bellweather Coast' }).waitFor();
  await shot(page, 'tree-node');
  await accessible(page, 'a node');
}

/** staff: somebody is invited to the reseller, asked about, and taken out again. */
export async function staff(page) {
  await page.getByRole('link', { name: 'People', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'People' }).waitFor();
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('Ines Quarry');
  await dialog.getByLabel('E-mail').fill('ines@bellweather.example');
  await accessible(page, 'inviting somebody of a reseller');
  await dialog.getByRole('button', { name: 'Invite', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('row', { name: /Ines Quarry.*Reseller administrator/ }).waitFor();
  await page.getByRole('combobox', { name: 'Person' }).click();
  await page.getByRole('option', { name: /Ines Quarry/ }).click();
  await page.getByRole('button', { name: 'Ask', exact: true }).click();
  await page.getByText('Ines Quarry may not set quotas').waitFor();
  await page.getByText('Any of these roles would allow it: Provider administrator, Reseller administrator.').waitFor();
  await shot(page, 'tree-staff');
  await accessible(page, 'people of a reseller');
  await page.getByRole('button', { name: 'Remove Ines Quarry' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
  await page.getByRole('row', { name: /Ines Quarry/ }).waitFor({ state: 'detached' });
}

/** supporting: the provider invites somebody to its support, who comes by the mailed link, sees figures and is offered nothing to change. */
export async function supporting(page, demo, helper) {
  const hugo = { role: 'provider_support', email: 'hugo@northgate.example', password: 'violet tractor mends nine kites' };
  await page.goto(demo.url);
  await page.getByRole('link', { name: 'People', exact: true }).click();
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('Hugo Reed');
  await dialog.getByLabel('E-mail').fill(hugo.email);
  await dialog.getByRole('button', { name: 'Invite', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('row', { name: /Hugo Reed.*Provider support/ }).waitFor();
  const mails = await (await fetch(`${demo.mailbox}.json`)).json();
  await helper.goto(/https?:\S+welcome#token=\S+/.exec(mails.find((m) => m.to.includes(hugo.email)).text)[0]);
  await helper.getByRole('textbox', { name: 'Password' }).fill(hugo.password);
  await helper.getByRole('textbox', { name: 'Once more' }).fill(hugo.password);
  await helper.getByRole('button', { name: 'Set the password' }).click();
  await helper.getByText('Your password is set').waitFor();
  await signIn(helper, { ...demo, people: [hugo] }, hugo.role);
  await helper.getByRole('link', { name: 'Bellweather Telecom' }).waitFor();
  assert.equal(await helper.getByRole('button', { name: 'Add', exact: true }).count(), 0, 'support is offered to make organisations');
  assert.equal(await helper.getByRole('link', { name: 'People', exact: true }).count(), 0, 'support is offered to name people');
  await helper.getByRole('link', { name: 'Alerts' }).click();
  await helper.getByText('Who is told').waitFor();
  assert.equal(await helper.getByRole('button', { name: 'Add a contact' }).count(), 0, 'support is offered to choose who is told');
  await accessible(helper, 'alerts for support');
}

const file = (name) => `version: 1
customer: ${name}
quotas: {seats: 5, minutes: 1000}
retention: {days: 90}
speech: {engine: builtin, language: en-GB}
people:
  - {email: dana@harbour.example, name: Dana Reyes, roles: [customer_admin]}
`;

/** drafting: a blueprint with a fault, its difference, applied once and then again. */
export async function drafting(page) {
  await page.getByRole('link', { name: 'Blueprint' }).click();
  await page.getByRole('heading', { level: 1, name: 'Blueprint' }).waitFor();
  const text = page.getByLabel('File', { exact: true });
  await text.fill(file('Harbour Dental').replace('customer_admin', 'superuser').replace('days: 90', 'days: 0'));
  await page.getByRole('button', { name: 'Show the difference' }).click();
  await page.getByText('cannot be given by a blueprint').waitFor();
  await page.getByText('want 1 to 36500').waitFor();
  await shot(page, 'tree-blueprint-faults');
  await accessible(page, 'faults of a blueprint');
  await text.fill(file('Harbour Dental'));
  await page.getByRole('button', { name: 'Show the difference' }).click();
  await page.getByRole('cell', { name: 'retention.days' }).waitFor();
  await shot(page, 'tree-blueprint');
  await accessible(page, 'the difference of a blueprint');
  await page.getByRole('button', { name: 'Apply' }).click();
  await page.getByText('Everything is as the file says.').waitFor();
  await page.getByRole('button', { name: 'Show the difference' }).click();
  await page.getByText('Nothing would change').waitFor();
  await page.getByText('Everything is as the file says.').first().waitFor();
}

/** limits: more than the node above has is refused with the name of the node that is short. */
export async function limits(page) {
  await page.getByRole('link', { name: 'Quota and usage' }).click();
  await page.getByRole('heading', { level: 1, name: 'Quota and usage' }).waitFor();
  await page.getByLabel('People').fill('4');
  await page.getByRole('button', { name: 'Set the limits' }).click();
  await page.getByText('“Bellweather Telecom” has 4 and 5 would be promised').waitFor();
  await page.getByLabel('People').fill('50');
  await page.getByRole('button', { name: 'Set the limits' }).click();
  await page.getByText('5 promised below').waitFor();
  await settled(page);
  await shot(page, 'tree-quota');
  await accessible(page, 'quota and usage');
}

/** boxes: the provider sees which releases are held for collectors, and which boxes are behind. */
export async function boxes(page) {
  await page.getByRole('link', { name: 'Collectors', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'Collectors' }).waitFor();
  await page.getByRole('heading', { name: 'Boxes by release' }).waitFor();
  await settled(page);
  await shot(page, 'tree-collectors');
  await accessible(page, 'collectors of a node');
}

/** looks: colours that cannot be read are refused; those that can are worn. */
export async function looks(page) {
  await page.getByRole('link', { name: 'Branding' }).click();
  await page.getByRole('heading', { level: 1, name: 'Branding' }).waitFor();
  await page.getByLabel('Name', { exact: true }).fill('Bellweather Voice');
  await page.getByLabel('Colour', { exact: true }).fill('#777777');
  await page.getByLabel('Text upon it').fill('#ffffff');
  await page.getByText('Not everybody can read this').waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('contrast of 4.48 to 1').waitFor();
  await shot(page, 'tree-branding-refused');
  await page.getByLabel('Colour', { exact: true }).fill('#7a1f5c');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The branding is set.').waitFor();
  await settled(page);
  // The provider wears its own colours here; those of the reseller would be put on by this variable.
  const wear = (colour) => page.evaluate((c) => {
    const { style } = document.documentElement;
    const own = style.getPropertyValue('--rf-accent');
    style.setProperty('--rf-accent', c);
    return own;
  }, colour);
  const own = await wear('#7a1f5c');
  await page.mouse.move(0, 0); // what is pointed at is a little darker
  await until('buttons in the colour of the brand', () => page.getByRole('button', { name: 'Save' }).evaluate((b) => getComputedStyle(b).backgroundColor === 'rgb(122, 31, 92)'));
  await wear(own);
  await shot(page, 'tree-branding');
  await accessible(page, 'branding');
}

/** standing: a customer is suspended with a reason and opened again; the checklist and the log know. */
export async function standing(page) {
  await page.getByRole('link', { name: 'Organisations' }).click();
  await page.getByRole('link', { name: 'Oak & Ember Furniture' }).click();
  await page.getByRole('heading', { level: 1, name: 'Oak & Ember Furniture' }).waitFor();
  const ask = async (act) => {
    await page.getByRole('button', { name: act, exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Why?').fill('The browser test asks for it');
    await dialog.getByRole('button', { name: act, exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
  };
  await ask('Suspend');
  await page.getByRole('button', { name: 'Resume', exact: true }).waitFor();
  await shot(page, 'tree-suspended');
  await ask('Resume');
  await page.getByRole('button', { name: 'Suspend', exact: true }).waitFor();
  await page.getByRole('link', { name: 'Checklist' }).click();
  await page.getByText('A first file was captured').waitFor();
  await shot(page, 'tree-checklist');
  await accessible(page, 'a checklist');
  assert.equal(await page.getByRole('button', { name: 'Sign', exact: true }).isDisabled(), true, 'a checklist that is not complete can be signed');
  await page.getByRole('link', { name: 'Change log' }).click();
  await page.getByText('a suspended customer was opened again').waitFor();
  await shot(page, 'tree-log');
  await accessible(page, "a node's change log");
}
