import { Box, Button, Center, Loader } from '@mantine/core';
import { useIntersection, useMediaQuery } from '@mantine/hooks';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { Suspense, useEffect, useMemo, useState } from 'react';
import { useMay } from '../../api/me';
import { count } from '../../ui/format';
import { useKeys } from '../../ui/keys';
import { later } from '../../ui/later';
import { Page } from '../../ui/Page';
import { Empty, Failed, Loading } from '../../ui/States';
import { tags as labels } from '../retention/data';
import { CoverageTile } from '../coverage/Tile';
import { FilterBar, searchID } from './FilterBar';
import { active, query, tidy, type Filters } from './filters';
import { title } from './party';
import { recordings } from './queries';
import { Chosen } from './Chosen';
import { RecordingCards, RecordingTable, rowID } from './RecordingTable';
import { useFresh } from './useFresh';

const RecordingDrawer = later(() => import('../recording/RecordingDrawer'), 'RecordingDrawer');
const Evidence = later(() => import('../verification/Evidence'), 'Evidence');
const route = getRouteApi('/in/c/$customer/recordings');

export function RecordingsPage() {
  const { customer } = route.useParams();
  const filters = route.useSearch();
  const navigate = route.useNavigate();
  const narrow = useMediaQuery('(max-width: 62em)', false, { getInitialValueInEffect: false });
  const list = useInfiniteQuery(recordings(customer, filters));
  const [proving, setProving] = useState(false);
  const may = useMay(customer);
  const mayProve = may('recording.download');
  const tags = useQuery(labels(customer)).data?.items ?? [];
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => list.data?.pages.flatMap((p) => p.items) ?? [], [list.data]);
  const fresh = useFresh(rows.map((r) => r.id), JSON.stringify(query(filters)), list.data?.pages.length ?? 0, list.isSuccess && !list.isPlaceholderData);
  const set = (change: Partial<Filters>) =>
    void navigate({ search: (s) => tidy({ ...s, ...change }), replace: !('open' in change), resetScroll: false });
  const clear = () => void navigate({ search: (s) => tidy({ sort: s.sort }) });
  const at = rows.findIndex((r) => r.id === filters.open);
  const go = (step: number) => {
    const next = rows[at + step];
    if (next) void navigate({ search: (s) => tidy({ ...s, open: next.id, at: undefined }), replace: true, resetScroll: false });
  };
  const close = () => {
    const was = filters.open;
    set({ open: undefined, at: undefined });
    // Back to the row, unless the reader has gone elsewhere while the drawer slid away.
    const free = () => document.activeElement === document.body || document.activeElement?.closest('[role=dialog]');
    if (was) setTimeout(() => free() && document.getElementById(rowID(was))?.focus(), 60);
  };
  useListKeys(!filters.open);
  // The drawer's code is there before it is asked for: the first recording opens at once, and also when the line is bad.
  useEffect(() => void import('../recording/RecordingDrawer').catch(() => {}), []);
  const queues = [...new Set(rows.map((r) => r.queue).filter(Boolean))];
  const choice = may('recording.tag') || may('hold.manage') ? { picked, pick: setPicked } : {};
  const news = rows.filter((r) => fresh.has(r.id));
  return (
    <Page wide title="Recordings" actions={<>{mayProve && rows.length > 0 && <Button variant="default" onClick={() => setProving(true)}>Evidence file</Button>}<CoverageTile customer={customer} /></>}>
      <FilterBar filters={filters} set={set} clear={clear} queues={queues} tags={tags} />
      <Chosen customer={customer} picked={rows.filter((r) => picked.has(r.id)).map((r) => r.id)} clear={() => setPicked(new Set())} />
      <div aria-live="polite" className="sr">
        {news.length > 0 && `${count(news.length, 'new recording')}: ${news.slice(0, 2).map(title).join('; ')}`}
      </div>
      <Box className="card" style={{ overflow: 'clip', opacity: list.isPlaceholderData ? 0.6 : 1 }} aria-busy={list.isPlaceholderData}>
        {list.isPending && <Box p="md"><Loading rows={9} height={34} /></Box>}
        {list.error && rows.length === 0 && <Box p="md"><Failed error={list.error} retry={() => void list.refetch()} /></Box>}
        {list.isSuccess && rows.length === 0 && <Nothing filters={filters} clear={clear} />}
        {rows.length > 0 && (narrow ? <RecordingCards rows={rows} fresh={fresh} {...choice} /> : <RecordingTable rows={rows} filters={filters} fresh={fresh} set={set} {...choice} />)}
      </Box>
      {list.hasNextPage && <Further busy={list.isFetchingNextPage} more={() => void list.fetchNextPage()} />}
      {list.isFetchNextPageError && <Failed error={list.error} retry={() => void list.fetchNextPage()} />}
      <Suspense>
        {proving && <Evidence customer={customer} recordings={rows} choose opened onClose={() => setProving(false)} />}
        {filters.open && (
          <RecordingDrawer
            customer={customer} id={filters.open} at={filters.at} words={filters.words} onClose={close}
            onNext={at >= 0 && at < rows.length - 1 ? () => go(1) : undefined} onPrevious={at > 0 ? () => go(-1) : undefined}
            onOther={(id) => set({ open: id, at: undefined })}
          />
        )}
      </Suspense>
    </Page>
  );
}

/** Further loads the next page as its end comes near; the button is for who cannot scroll. */
function Further({ busy, more }: { busy: boolean; more: () => void }) {
  const { ref, entry } = useIntersection({ rootMargin: '400px' });
  useEffect(() => {
    if (entry?.isIntersecting && !busy) more();
  }, [entry?.isIntersecting]); // more and busy are read at the moment it comes into view
  return (
    <Center ref={ref} py="md">
      {busy ? <Loader size="sm" aria-label="Loading more" /> : <Button variant="default" onClick={more}>Load more</Button>}
    </Center>
  );
}

function Nothing({ filters, clear }: { filters: Filters; clear: () => void }) {
  if (active(filters) > 0) {
    return (
      <Empty icon="search" title="No recording matches" action={<Button variant="default" onClick={clear}>Clear all filters</Button>}>
        {filters.words
          ? 'Only whole words of finished transcripts are found, all of them in one recording. Try fewer words or a wider range of dates.'
          : 'Try a wider range of dates, or take a filter away.'}
      </Empty>
    );
  }
  return (
    <Empty icon="wave" title="No recordings yet">
      They appear here by themselves, seconds after a source delivers one. A source is a folder on the server or a collector beside the telephone system.
    </Empty>
  );
}

/** useListKeys moves between rows without a mouse. Enter is the link's own. */
function useListKeys(on: boolean) {
  const move = (step: number) => () => {
    const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
    const now = rows.indexOf(document.activeElement as HTMLElement);
    const next = rows[now < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, now + step))];
    next?.focus();
    next?.scrollIntoView({ block: 'nearest' });
  };
  useKeys({ j: move(1), k: move(-1), ArrowDown: move(1), ArrowUp: move(-1), '/': () => document.getElementById(searchID)?.focus() }, on);
}
