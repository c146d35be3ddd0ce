// Sign-in with passkeys needs a server with a name: `node e2e/signin.mjs` starts one of its own.
import { context, launch, shot } from './lib/browser.mjs';
import { startDemo } from './lib/demo.mjs';
import { steps } from './lib/steps.mjs';
import { dangerous, enrolling, entering, forgotten } from './scenarios/signin.mjs';

const { step, done } = steps();
const demo = await startDemo('--listen', 'localhost:0');
const browser = await launch();
try {
  const ctx = await context(browser, demo, { storageState: undefined });
  const page = await ctx.newPage();
  const does = (name, run) => step(name, async () => {
    try {
      const answer = await run();
      ctx.clean();
      return answer;
    } catch (error) {
      await shot(page, `failed-${name.replaceAll(/\W+/g, '-')}`).catch(() => {});
      throw error;
    }
  });
  let factors;
  await does('sign in, set up an app and a passkey', async () => (factors = await enrolling(page, demo)));
  await does('sign in with each factor', () => entering(page, demo, factors));
  await does('sign in: a dangerous act asks', () => dangerous(page, demo, factors));
  await does('sign in: a forgotten password', () => forgotten(page, demo));
} finally {
  await browser.close();
  await demo.stop();
  done();
}
