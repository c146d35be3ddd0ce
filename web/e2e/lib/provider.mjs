// Starts the OpenID provider that the Go tests use too, and lets a scenario tell it what to do.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { repository } from './demo.mjs';

/** startProvider answers its address (also its issuer), `control` and `stop`. It ends with this process. */
export async function startProvider() {
  const tools = join(repository, '.tools');
  if (!existsSync(join(tools, 'idp/.version'))) throw new Error(`${tools}/idp is not there: run "make test-peers" first`);
  const child = spawn(process.execPath, [join(repository, 'internal/tenancy/sso/ssotest/oidc.mjs'), tools], { stdio: ['pipe', 'pipe', 'inherit'] });
  const line = await new Promise((found, failed) => {
    createInterface({ input: child.stdout }).once('line', found);
    child.once('exit', (code) => failed(new Error(`the identity provider ended with ${code}`)));
  });
  const { url } = JSON.parse(line);
  const control = (wishes) => fetch(`${url}/_control`, { method: 'POST', body: JSON.stringify(wishes) }).then((r) => r.json());
  return { url, control, stop: () => child.kill() };
}
