// Asks a real server with the compiled client; run by the server's own tests.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, data, limit, pages, Problem, verifyWebhook } from '../dist/index.js';

const token = readFileSync(process.env.RINGFENCE_TOKEN_FILE, 'utf8').trim();
const customer = process.env.RINGFENCE_CUSTOMER;
const client = connect(process.env.RINGFENCE_URL, token);
const path = { customer };

const seen = [];
for await (const r of pages((cursor) => data(client.GET('/api/v1/customers/{customer}/recordings', { params: { path, query: { cursor, limit: 2 } } })))) seen.push(r.id);
assert.equal(new Set(seen).size, 3, 'three recordings over two pages');

const { response } = await client.GET('/api/v1/customers/{customer}/recordings', { params: { path } });
const left = limit(response.headers);
assert.ok(left && left.of === 200 && left.left < 200, 'what is left of requests is said');

const opening = await data(client.POST('/api/v1/customers/{customer}/recordings/{recording}/openings', { params: { path: { customer, recording: seen[0] } }, body: { what: 'listen' } }));
assert.ok(opening.sound_url, 'an opening says where the sound is');
const heard = await fetch(new URL(opening.sound_url, process.env.RINGFENCE_URL), { headers: { Authorization: `Bearer ${token}` } });
assert.equal(Buffer.from(await heard.arrayBuffer()).subarray(0, 4).toString(), 'RIFF', 'the sound is a WAV file');

const draft = { name: 'typescript', url: 'https://crm.example/hook', events: ['recording.captured'], purpose: 'test', region: 'here' };
const hook = await data(client.POST('/api/v1/customers/{customer}/webhooks', { params: { path }, body: draft }));
assert.match(hook.secret, /^whsec_/);

const at = String(Math.floor(Date.now() / 1000));
const body = '{"type":"webhook.test"}';
const sum = createHmac('sha256', Buffer.from(hook.secret.slice(6), 'base64')).update(`msg_1.${at}.${body}`).digest('base64');
const headers = new Headers({ 'webhook-id': 'msg_1', 'webhook-timestamp': at, 'webhook-signature': `v1,${sum}` });
assert.ok(await verifyWebhook(hook.secret, headers, body));
assert.ok(!(await verifyWebhook(hook.secret, headers, `${body} `)), 'a changed body is refused');
assert.ok(!(await verifyWebhook(hook.secret, headers, body, Date.now() / 1000 + 3600)), 'an old message is refused');

await assert.rejects(data(client.POST('/api/v1/customers/{customer}/webhooks', { params: { path }, body: { ...draft, url: 'https://10.0.0.1/', events: ['call.said'] } })), (e) => {
  assert.ok(e instanceof Problem);
  assert.equal(e.status, 422);
  assert.deepEqual(e.faults.map((f) => f.location).sort(), ['body.events', 'body.url']);
  assert.ok(e.request);
  return true;
});
console.log('typescript client: ok');
