import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

/** What a hint may have changed, by topic. A topic that is not here wakes the queries of its own name. */
const touches: Record<string, string[]> = {
  recordings: ['recordings', 'recording', 'calls', 'sources', 'usage', 'coverage'],
  recording: ['recordings', 'recording', 'calls'],
  transcripts: ['recordings', 'recording'],
  attention: ['attention', 'sources'],
  sources: ['sources', 'devices'],
  // What failed or was put off, in the background.
  conditions: ['conditions', 'recordings', 'recording'],
};

/** wake refetches what a hint is about. Hints carry nothing: what is true is asked of the API. */
function wake(client: QueryClient, customer: string, topics: Iterable<string>) {
  const names = new Set([...topics].flatMap((t) => touches[t] ?? touches[t.split('.')[0]!] ?? [t]));
  void client.invalidateQueries({
    predicate: (q) => q.queryKey[0] === 'at' && q.queryKey[1] === customer && names.has(String(q.queryKey[2])),
  });
}

type Hint = { topic: string; at?: string; reset?: boolean };

/**
 * useLive keeps one connection for the customer's pages. A connection that comes back
 * says where it was and is told what it missed; where the server cannot tell, also at
 * the first connection, it says "reset" and everything is asked again. While there is
 * no connection the pages ask every ten seconds, so that what is new still comes.
 */
export function useLive(customer: string): boolean {
  const client = useQueryClient();
  const [live, setLive] = useState(true);
  useEffect(() => {
    let socket: WebSocket | undefined;
    let tries = 0;
    let since = '';
    let over = false;
    let again: ReturnType<typeof setTimeout> | undefined;
    let soon: ReturnType<typeof setTimeout> | undefined;
    const topics = new Set<string>();
    const all = () => client.invalidateQueries({ predicate: (q) => q.queryKey[0] === 'at' && q.queryKey[1] === customer });
    const hint = (event: MessageEvent) => {
      const heard = JSON.parse(String(event.data)) as Hint;
      since = heard.at ?? since;
      if (heard.reset) return void all();
      topics.add(heard.topic);
      soon ??= setTimeout(() => {
        soon = undefined;
        wake(client, customer, topics);
        topics.clear();
      }, 250);
    };
    const connect = () => {
      const url = new URL('/api/v1/live', location.href);
      url.protocol = url.protocol.replace('http', 'ws');
      url.searchParams.set('customer', customer);
      if (since) url.searchParams.set('since', since);
      socket = new WebSocket(url);
      socket.onopen = () => {
        tries = 0;
        setLive(true);
      };
      socket.onmessage = hint;
      socket.onclose = () => {
        if (over) return;
        tries++;
        if (tries > 1) setLive(false);
        again = setTimeout(connect, Math.min(15_000, 500 * 2 ** tries));
      };
    };
    connect();
    return () => {
      over = true;
      clearTimeout(again);
      clearTimeout(soon);
      socket?.close();
    };
  }, [client, customer]);
  useEffect(() => {
    if (live) return;
    const poll = setInterval(() => wake(client, customer, ['recordings', 'attention']), 10_000);
    return () => clearInterval(poll);
  }, [client, customer, live]);
  return live;
}
