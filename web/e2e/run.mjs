// The portal in a real browser, before a real server: `npm run e2e` after `make build`.
import assert from 'node:assert/strict';
import { accessible, colours, context, launch, settled, shot, signIn } from './lib/browser.mjs';
import { startDemo } from './lib/demo.mjs';
import { startProvider } from './lib/provider.mjs';
import { steps } from './lib/steps.mjs';
import { accessLists } from './scenarios/entry.mjs';
import { installation } from './scenarios/installation.mjs';
import { keyboard } from './scenarios/keyboard.mjs';
import { keys, rootKey } from './scenarios/keys.mjs';
import { bothSchemes, finding, listening, sorting } from './scenarios/listening.mjs';
import { arriving, broken, transcribed } from './scenarios/living.mjs';
import { evidence, verification } from './scenarios/proofs.mjs';
import * as answers from './scenarios/requests.mjs';
import * as trust from './scenarios/retention.mjs';
import * as reviews from './scenarios/reviews.mjs';
import * as rights from './scenarios/rights.mjs';
import { recordingClient } from './scenarios/siprec.mjs';
import * as sso from './scenarios/sso.mjs';
import { ways } from './scenarios/ways.mjs';
import * as tree from './scenarios/tree.mjs';
import { adminPages, all as everyPage, doors, forms, log, node, notListening, phone, token, walk } from './scenarios/pages.mjs';

const { step, done } = steps();
const provider = await startProvider();
const demo = await startDemo('--allow-private', new URL(provider.url).host);
let browser;
try {
  browser = await launch();
  await all();
} catch (error) {
  await step('the rest', () => Promise.reject(error));
} finally {
  await browser?.close();
  provider.stop();
  await step('the server stops cleanly', async () => {
    const { how, said } = await demo.stop();
    assert.equal(how, 0, `it ended with ${how} and said:\n${said}`);
  });
  done();
}

/** person is a browser of one person; each of its scenarios also fails on an error on the console, and leaves a picture then. */
async function person(options) {
  const ctx = await context(browser, demo, options);
  const page = await ctx.newPage();
  const does = (name, run) =>
    step(name, async () => {
      try {
        await run(page);
        ctx.clean();
      } catch (error) {
        await shot(page, `failed-${name.replaceAll(/\W+/g, '-')}`).catch(() => {});
        throw error;
      }
    });
  return { ctx, page, does };
}

async function all() {
  const stranger = await person();
  await stranger.does('every page before the sign-in, in light, in dark and on a phone', (page) => walk(page, demo.url, doors, 'door-'));
  await stranger.ctx.close();
  await step('every page of the router is walked', everyPage);
  const superuser = await person();
  await superuser.does('sign in with the code from the mail', async (page) => {
    await page.goto(demo.url);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await shot(page, 'sign-in');
    await accessible(page, 'sign-in');
    await signIn(page, demo, 'superuser');
    await page.getByRole('heading', { level: 1, name: 'Recordings' }).waitFor();
  });
  const customer = new URL(superuser.page.url()).pathname.split('/')[2];
  if (!customer?.startsWith('org_')) throw new Error('nobody is signed in: the other scenarios cannot run');
  const base = `${demo.url}/c/${customer}`;
  const arrived = await listens(superuser, base);
  await administers(base, customer);
  await rightly(base);
  await federates(base);
  await provides(customer);
  await reviewed(base);
  await answered(base);
  await step('on a phone', async () => {
    const { page, ctx } = await person({ storageState: await superuser.ctx.storageState(), viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    await phone(page, base);
    ctx.clean();
    await ctx.close();
  });
  await superuser.does('the transcript of the dropped file comes by itself', async (page) => {
    await page.goto(`${base}/recordings`);
    await transcribed(page, arrived);
  });
  await superuser.does('the account page, and signing out', async (page) => {
    await page.goto(`${demo.url}/account`);
    await page.getByText('This one', { exact: true }).waitFor();
    await accessible(page, 'the account');
    await page.getByRole('button', { name: /^(Dark|Light) colours$/ }).click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.goto(`${base}/recordings`);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });
}

async function listens({ does }, base) {
  let arrived;
  await does('listen, seek, read in step, see the receipts', (page) => listening(page));
  await does('a dropped file appears by itself', async (page) => (arrived = await arriving(page, demo)));
  await does('find a word that was said', (page) => finding(page, base));
  await does('sort by length', (page) => sorting(page));
  await does('by keyboard alone', (page) => keyboard(page, base));
  await does('an open recording passes axe, light and dark', (page) => bothSchemes(page, base));
  await does('an evidence file checks itself from a stick', async (page) => { // within five minutes of signing in, or a factor is asked for
    await page.goto(`${base}/recordings`);
    await evidence(page);
  });
  return arrived;
}

async function administers(base, customer) {
  const admin = await person();
  await admin.does('the administrator signs in', (page) => signIn(page, demo, 'customer_admin'));
  await admin.does('a file that is no sound asks for attention', (page) => broken(page, demo, base));
  await admin.does('the administrator sees the list and does not listen', (page) => notListening(page, base));
  // What asks for a recent sign-in comes first: the walks take minutes on a busy machine.
  await admin.does('files are pushed and fetched', (page) => ways(page, base));
  await admin.does('a recording client is added', (page) => recordingClient(page, base));
  await admin.does('the customer key is rotated', (page) => keys(page, base));
  await admin.does('a token is made, used and ended', (page) => token(page, demo, base, customer));
  await admin.does('access lists', (page) => accessLists(page, `${base}/settings/access`));
  await admin.does('the change log is read and saved', (page) => log(page, base));
  await admin.does('checkpoints and who receives them', (page) => verification(page, base));
  await admin.does('every page, in light, in dark and on a phone', (page) => walk(page, base, adminPages));
  await admin.does('forms', (page) => forms(page, base));
  await admin.ctx.close();
}

async function rightly(base) {
  const admin = await person();
  await admin.does('rights: the administrator signs in', (page) => signIn(page, demo, 'customer_admin'));
  await admin.does('the directory, by hand and by file', (page) => rights.directory(page, base));
  await admin.does('a supervisor is given a scope', (page) => rights.scoped(page, base));
  await admin.does('who may do what, and why', (page) => rights.why(page, base));
  const helper = await person();
  const who = await signIn(helper.page, demo, 'provider_admin');
  await admin.does('the provider is let in', (page) => rights.letIn(page, base, who.email));
  await helper.does('the provider helps and leaves', (page) => rights.helping(page, demo.url, base));
  await admin.ctx.close();
  await helper.ctx.close();
}

async function reviewed(base) {
  const admin = await person();
  await admin.does('access reviews: the administrator signs in', (page) => signIn(page, demo, 'customer_admin'));
  await admin.does('access reviews: provisioning is set up', (page) => reviews.provisioning(page, base));
  await admin.does('access reviews: decided by keyboard', (page) => reviews.reviewing(page, base));
  await admin.does('access reviews: what leavers reach', (page) => reviews.leaving(page, base));
  await admin.ctx.close();
}

async function answered(base) {
  const admin = await person();
  await admin.does('requests: the administrator signs in', (page) => signIn(page, demo, 'customer_admin'));
  await admin.does('requests: receipts, and who has to say why', (page) => answers.receipts(page, base));
  for (const [what, walk] of [['access', answers.access], ['portability', answers.portability], ['restriction', answers.restrict], ['objection', answers.object], ['rectification', answers.rectify]])
    await admin.does(`requests: a person asks for ${what}`, (page) => walk(page, base));
  await admin.does('requests: a person asks for erasure', (page) => answers.requests(page, base));
  let pseudonym;
  await admin.does('requests: their number becomes a pseudonym', async (page) => (pseudonym = await answers.pseudonyms(page, base)));
  const listener = await person();
  await listener.does('requests: a SuperUser signs in', (page) => signIn(page, demo, 'superuser'));
  await listener.does('requests: whom the pseudonym stands for is looked up', (page) => answers.standsFor(page, base, pseudonym));
  await listener.ctx.close();
  await admin.does('requests: a key was in wrong hands', (page) => answers.breaches(page, base));
  await admin.does('retention: rules are looked at as a whole', (page) => trust.retention(page, base));
  await admin.does('retention: a hold is placed, and lifting it takes two', (page) => trust.holds(page, base));
  await admin.does('retention: a customer leaves for good', (page) => trust.departing(page, base));
  await admin.does('retention: recordings are labelled and held from the list', (page) => trust.labels(page, base));
  await admin.ctx.close();
}

async function federates(base) {
  const peers = [provider.url];
  const admin = await person({ peers });
  let link;
  await admin.does('an identity provider is set up: the administrator signs in', (page) => signIn(page, demo, 'customer_admin'));
  await admin.does('an identity provider is set up, tested and signs in', async (page) => (link = await sso.settingUp(page, base, provider)));
  const alice = await person({ peers });
  await alice.does('an identity provider signs in by the direct link', (page) => sso.direct(page, link));
  const again = await person({ peers });
  await again.does('an identity provider signs in another subject, who waits', (page) => sso.anotherSubject(page, link, provider));
  await admin.does('an identity provider signs in whom the administrator confirms', (page) => sso.confirming(page, base));
  await again.does('an identity provider signs in by address', (page) => sso.organisation(page, demo));
  for (const p of [admin, alice, again]) await p.ctx.close();
}

async function provides(customer) {
  const provider = await person();
  await provider.does('the provider sees figures and no customer', async (page) => {
    await signIn(page, demo, 'provider_admin');
    for (const scheme of ['light', 'dark']) {
      await colours(page, scheme);
      await settled(page);
      await shot(page, `provider-${scheme}`);
      await accessible(page, `the provider's page, ${scheme}`);
    }
    provider.ctx.clean();
    const path = `${demo.url}/api/v1/customers/${customer}/recordings`;
    assert.equal((await provider.ctx.request.get(path)).status(), 404);
    await page.goto(demo.url);
  });
  await provider.does('what the installation is', installation);
  await provider.does('the root key', rootKey);
  await provider.does('a reseller below a reseller, and names found at any depth', tree.growing);
  await provider.does('who works for the reseller, and why not', tree.staff);
  await provider.does('a blueprint is looked at, applied, and applied again', tree.drafting);
  await provider.does('a quota beyond that of the node above is refused', tree.limits);
  await provider.does('which boxes are behind is seen above customers', tree.boxes);
  await provider.does('colours that cannot be read are refused', tree.looks);
  await provider.does('a customer is suspended and opened again', tree.standing);
  const support = await person();
  await provider.does('provider support is invited, comes, and changes nothing', (page) => tree.supporting(page, demo, support.page));
  await step('provider support met no fault', () => support.ctx.clean());
  await support.ctx.close();
  await provider.does('every page of a node', (page) => node(page, demo.url));
  await provider.ctx.close();
}
