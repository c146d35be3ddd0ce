// What both identity providers of the tests share: a clock that can be set, a network that can fail, and a way to be told.
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

// What the libraries say to operators of real providers.
console.info = console.warn = () => {};

/** tools is where scripts/install-test-peers put the libraries. */
export const tools = process.argv[2];
export const library = (path) => import(pathToFileURL(`${tools}/idp/node_modules/${path}`));

const RealDate = Date;
let skew = 0;
globalThis.Date = class extends RealDate {
  constructor(...of) {
    if (of.length) super(...of);
    else super(RealDate.now() + skew);
  }
  static now() {
    return RealDate.now() + skew;
  }
};

export const state = { down: false, slow: 0 };
const count = {};

export const read = async (request) => {
  const chunks = [];
  for await (const c of request) chunks.push(c);
  return Buffer.concat(chunks).toString();
};

/** serve answers requests by `handle`, and POST /_control by setting what the body names. It prints its address and ends with its parent. */
export function serve(handle, control) {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, 'http://x').pathname;
    response.sendDate = false;
    response.setHeader('Date', new Date().toUTCString());
    if (path === '/_control') {
      const wish = JSON.parse(await read(request));
      if ('skew' in wish) skew = wish.skew * 1000;
      if ('down' in wish) state.down = wish.down;
      if ('slow' in wish) state.slow = wish.slow;
      await control(wish);
      return response.end(JSON.stringify(count));
    }
    if (path === '/favicon.ico') {
      response.statusCode = 204;
      return response.end();
    }
    count[path] = (count[path] ?? 0) + 1;
    if (state.down) return request.socket.destroy();
    if (state.slow) await new Promise((done) => setTimeout(done, state.slow));
    try {
      await handle(request, response, path);
    } catch (error) {
      response.statusCode = 500;
      response.end(String(error?.stack ?? error));
    }
  });
  server.listen(Number(process.argv[3] ?? 0), '127.0.0.1', async () => {
    const url = `http://127.0.0.1:${server.address().port}`;
    await control({ url });
    console.log(JSON.stringify({ url }));
  });
  process.stdin.on('end', () => process.exit(0)).resume();
}

/** page asks who signs in. */
export const page = (action, hidden = '') => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Example identity provider</title></head>
<body><main><h1>Example identity provider</h1><form method="post" action="${action}">${hidden}
<label>Name <input name="login" autofocus></label> <button type="submit">Sign in</button></form></main></body></html>`;

export const escape = (s) => String(s).replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
