import { useEffect, useRef, useState } from 'react';

/**
 * useFresh tells which rows came while the reader was looking: those that were not
 * in the list before, under the same filters. Rows of a page that was loaded
 * further down are older, not new.
 */
export function useFresh(ids: readonly string[], list: string, pages: number, settled: boolean): ReadonlySet<string> {
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  const known = useRef<{ list: string; pages: number; ids: Set<string> } | null>(null);
  const key = ids.join();
  useEffect(() => {
    if (!settled) return;
    const before = known.current;
    known.current = { list, pages, ids: new Set(ids) };
    if (!before || before.list !== list) return setFresh(new Set());
    const news = pages > before.pages ? [] : ids.filter((id) => !before.ids.has(id));
    if (news.length === 0) return;
    setFresh((old) => new Set([...old, ...news]));
    setTimeout(() => setFresh((old) => new Set([...old].filter((id) => !news.includes(id)))), 6000);
  }, [key, list, pages, settled]); // ids by their key: an equal list does not start over
  return fresh;
}
