// One Chromium for all scenarios, and what each of them watches: errors on the console, and axe.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { until } from './demo.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const shots = fileURLToPath(new URL('../shots/', import.meta.url));

/** launch finds the system's Chromium. The sandbox cannot run as root, as in a container. */
export async function launch() {
  const path = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
  if (!path) throw new Error('no Chromium: run scripts/install browser, or set CHROMIUM');
  const args = ['--disable-gpu', '--disable-background-networking', '--disable-component-update', '--mute-audio'];
  if (process.getuid?.() === 0) args.push('--no-sandbox');
  mkdirSync(shots, { recursive: true });
  return chromium.launch({ executablePath: path, args });
}

// A browser logs each refused request; these are answers that the portal asks for on purpose.
const expected = [
  (text, url) => /4(09|22)/.test(text) && url.includes('/access-rules'),
  (text, url) => text.includes('401') && url.endsWith('/api/v1/me'),
  (text, url) => text.includes('403') && (url.includes('/api/') || text.includes('/api/v1/live?')), // a factor is asked for first; a socket's error names it in its text
  (text, url) => text.includes('422') && /\/api\/v1\/(nodes\/[^/]+\/(blueprint\/preview|quota|branding)|customers\/[^/]+\/(support|keys\/server|sources\/[^/]+\/siprec))$/.test(url), (text, url) => text.includes('409') && url.endsWith('/tests')];

/** context is a browser of one person, whose pages may not log an error and may not ask another host but those of `peers`. */
export async function context(browser, demo, { peers = [], ...options } = {}) {
  const ctx = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', timezoneId: 'Europe/London', reducedMotion: 'reduce', acceptDownloads: true, ...options });
  ctx.setDefaultTimeout(15_000);
  const faults = [];
  const origin = new URL(demo.url).origin;
  ctx.on('console', (m) => {
    const url = m.location().url;
    if (m.type() === 'error' && !expected.some((ok) => ok(m.text(), url))) faults.push(`console: ${m.text()} (${url})`);
  });
  ctx.on('weberror', (e) => faults.push(`uncaught: ${e.error().stack ?? e.error()}`));
  ctx.on('request', (r) => {
    const to = new URL(r.url());
    if (to.protocol.startsWith('http') && to.origin !== origin && !peers.includes(to.origin)) faults.push(`asked another host: ${r.url()}`);
  });
  ctx.clean = () => assert.deepEqual(faults.splice(0), [], 'the console must stay clean');
  return ctx;
}

/** code waits for the mail with the sign-in code that was sent after a moment. */
async function code(demo, email, since) {
  return until(`the code for ${email}`, async () => {
    const mails = await (await fetch(`${demo.mailbox}.json`)).json();
    const mine = mails.filter((m) => m.to.includes(email) && Date.parse(m.at) >= since - 1000).sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
    return /\b(\d{4})[ -]?(\d{4})\b/.exec(mine[0]?.text ?? '')?.slice(1).join('');
  });
}

/** signIn goes through the sign-in page as a person does. */
export async function signIn(page, demo, role, at = '/') {
  const person = demo.people.find((p) => p.role === role);
  assert.ok(person, `the demo has nobody with the role ${role}`);
  await page.goto(demo.url + at);
  await page.getByLabel('E-mail').fill(person.email);
  await page.getByLabel('Password', { exact: true }).fill(person.password);
  const since = Date.now();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByLabel('Code').waitFor();
  await page.getByLabel('Code').fill(await code(demo, person.email, since));
  await page.getByRole('navigation', { name: 'Main' }).waitFor({ state: 'attached' });
  return person;
}

/** colours has the portal in light or dark, on the screen and not only asked for. */
export async function colours(page, colorScheme) {
  await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
  if (await page.locator('html[data-mantine-color-scheme]').count()) await page.locator(`html[data-mantine-color-scheme=${colorScheme}]`).waitFor();
  await drawn(page);
}

/** drawn waits until what was asked for has been drawn, and nothing fades in or out any more. */
const drawn = (page) =>
  page.evaluate(async () => {
    const frame = () => new Promise((next) => requestAnimationFrame(next));
    await frame();
    await frame();
    const ends = document.getAnimations().filter((a) => Number.isFinite(a.effect?.getComputedTiming().endTime));
    await Promise.race([Promise.allSettled(ends.map((a) => a.finished)), new Promise((next) => setTimeout(next, 2000))]);
  });

/** tooWide is by how many pixels the page is wider than a phone, once it has found its place there. */
export async function tooWide(page, name) {
  const size = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 844 });
  let wide = 1;
  for (let looks = 0; wide > 0 && looks < 20; looks++) {
    await drawn(page);
    wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  }
  await shot(page, `${name}-phone`);
  await page.setViewportSize(size);
  return Math.max(wide, 0);
}

/** accessible fails on what axe calls serious or critical, and names the elements; of all its rules, or of some. */
export async function accessible(page, name, rules) {
  await drawn(page);
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe);
  const found = await page.evaluate(async (runOnly) => {
    const result = await globalThis.axe.run(document, { resultTypes: ['violations'], runOnly });
    return result.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical').flatMap((v) => v.nodes.slice(0, 3).map((n) => `${v.impact} ${v.id}: ${n.html.slice(0, 160)} ${n.failureSummary?.split('\n')[1]?.trim() ?? ''}`));
  }, rules);
  assert.deepEqual(found, [], `axe on ${name}`);
}

/** shot keeps a picture in e2e/shots, of what failed always, of the rest with SHOTS=1: a picture takes longer than most steps. */
export async function shot(page, name, options) {
  if (process.env.SHOTS || name.startsWith('failed-')) await page.screenshot({ path: `${shots}${name}.png`, ...options });
}

/** settled waits until nothing loads and no skeleton is left. */
export async function settled(page) {
  await page.locator('[role=status][aria-label=Loading]').first().waitFor({ state: 'detached' });
  await page.evaluate(() => document.fonts.ready);
}
