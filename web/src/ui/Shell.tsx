import { ActionIcon, AppShell, Box, Burger, Group, NavLink, ScrollArea, Text, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useDisclosure, useHotkeys } from '@mantine/hooks';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useLocation, useNavigate, useParams, useRouter } from '@tanstack/react-router';
import { Fragment, useEffect, useRef } from 'react';
import { api, giveUp, here, must, onSignedOut } from '../api/client';
import { me as meQuery, useMay, usePlace } from '../api/me';
import type { Me } from '../api/types';
import { nodeOf, useNodeMay } from '../features/tree/queries';
import { below as alertsBelow, list as alertList } from '../features/alerts/data';
import { forgetPurposes, PurposeAsk } from '../features/receipts/PurposeAsk';
import { SupportBanner } from '../features/rights/SupportBanner';
import { useLive } from '../live/useLive';
import { useBrand } from './brand';
import { BrandMark } from './BrandMark';
import { Icon, type IconName } from './Icon';
import { NoAccess } from './Missing';
import { PlaceSwitcher } from './PlaceSwitcher';
import { RetentionBanner } from './RetentionBanner';
import { Shortcuts } from './Shortcuts';
import { Page } from './Page';
import { Empty, Failed, Loading } from './States';
import { toast } from './toast';

/** Shell is what surrounds every page of a signed-in person. */
export function Shell() {
  const query = useQuery(meQuery);
  const client = useQueryClient();
  const router = useRouter();
  // A request that was under way while the session's token was renewed is refused too: ask who is signed in, do not guess.
  useEffect(() => onSignedOut(() => void client.refetchQueries({ queryKey: meQuery.queryKey })), [client]);
  const nobody = query.data === null;
  useEffect(() => {
    // Once, and from where the reader was: the location moves on while the sign-in page is still being loaded.
    const next = router.state.location.href;
    if (nobody) void router.navigate({ to: '/sign-in', search: { next: next === '/' ? undefined : next }, replace: true });
  }, [nobody, router]);
  if (nobody) return null;
  if (!query.data) {
    return (
      <Box maw={720} mx="auto" p="xl">
        {query.error ? <Failed error={query.error} retry={() => void query.refetch()} /> : <Loading />}
      </Box>
    );
  }
  return <Frame me={query.data} />;
}

function Frame({ me }: { me: Me }) {
  const [menu, { toggle, close }] = useDisclosure(false);
  const [help, { open: showHelp, close: hideHelp }] = useDisclosure(false);
  const { customer, node } = useParams({ strict: false });
  const path = useLocation().pathname;
  const brand = useBrand((me.places.find((p) => p.id === (customer ?? node)) ?? me.places[0])?.brand);
  useEffect(close, [path, close]);
  useHotkeys([['shift+?', showHelp], ['?', showHelp]]);
  return (
    <AppShell
      header={{ height: { base: 52, sm: 0 } }}
      navbar={{ width: 232, breakpoint: 'sm', collapsed: { mobile: !menu } }}
      padding={{ base: 'md', sm: 'xl' }}
      styles={{ main: { background: 'var(--rf-page)' }, navbar: { background: 'var(--rf-card)', borderColor: 'var(--rf-line)', borderTop: '3px solid var(--rf-accent)' } }}
    >
      <a className="skip" href="#main">Skip to the page</a>
      <AppShell.Header hiddenFrom="sm" px="md" style={{ background: 'var(--rf-card)', borderColor: 'var(--rf-line)' }}>
        <Group h="100%" gap="sm">
          <Burger opened={menu} onClick={toggle} size="sm" aria-label={menu ? 'Close the menu' : 'Open the menu'} />
          <BrandMark brand={brand} />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" aria-label="Main">
        <Box visibleFrom="sm" px={4} pb="sm">
          <BrandMark brand={brand} />
        </Box>
        <PlaceSwitcher places={me.places} current={customer ?? node} />
        <ScrollArea style={{ flex: 1 }} mt="sm" type="auto" scrollbarSize={6}>
          {customer && <CustomerNav customer={customer} />}
          {node && <NodeNav node={node} />}
        </ScrollArea>
        <Foot me={me} showHelp={showHelp} />
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1} style={{ outline: 'none' }}>
        {customer ? <Place key={customer} customer={customer} /> : <Outlet />}
      </AppShell.Main>
      <Shortcuts opened={help} onClose={hideHelp} />
      <PurposeAsk />
    </AppShell>
  );
}

/** Place is a customer's page with what belongs to all of them: the live channel and what must be decided first. */
function Place({ customer }: { customer: string }) {
  const live = useLive(customer);
  const place = usePlace(customer);
  const may = useMay(customer);
  if (!place) return <NoAccess />;
  if (place.suspended) return <Suspended name={place.name} />;
  return (
    <>
      <SupportBanner customer={customer} />
      {may('retention.set') && <RetentionBanner customer={customer} />}
      {!live && (
        <Text size="sm" c="dimmed" mb="sm" role="status">
          The live connection is down; the page looks for news every ten seconds.
        </Text>
      )}
      <Outlet />
    </>
  );
}

/** Suspended is what members see of a customer that is: nothing, and that nothing is lost. */
function Suspended({ name }: { name: string }) {
  return (
    <Page title={`${name} is suspended`}>
      <div className="card">
        <Empty icon="lock" title="Nobody comes in at present">
          Nothing new is captured, and nothing was deleted. Ask whoever provides this service to you.
        </Empty>
      </div>
    </Page>
  );
}

function CustomerNav({ customer }: { customer: string }) {
  const may = useMay(customer);
  const attention = useQuery({
    queryKey: here(customer, 'attention', 'total'),
    queryFn: () => must(api.GET('/api/v1/customers/{customer}/attention', { params: { path: { customer }, query: { limit: 1 } } })),
    enabled: may('attention.read'),
  });
  const alerts = useQuery({ ...alertList({ customer }, 'open'), enabled: may('alert.read') });
  const waiting = attention.data?.total ?? 0;
  const base = `/c/${customer}`;
  const groups = [
    {
      name: 'What happened', items: [
        { act: 'journal.read', to: 'log', icon: 'history', label: 'Change log' },
        { act: 'receipt.read', to: 'receipts', icon: 'eye', label: 'Receipts' },
        { act: 'journal.read', to: 'verification', icon: 'check', label: 'Verification' },
        { act: 'certificate.read', to: 'certificates', icon: 'shield', label: 'Certificates' },
        { act: 'speech.set', to: 'egress', icon: 'outof', label: 'What left the host' },
      ],
    },
    {
      name: 'Duties', items: [
        { act: 'person.manage', to: 'requests', icon: 'person', label: 'Person requests' },
        { act: may('pseudonym.read') ? 'pseudonym.read' : 'pseudonym.reveal', to: 'pseudonyms', icon: 'person', label: 'Pseudonyms' },
        { act: 'breach.manage', to: 'breaches', icon: 'warn', label: 'Breaches' },
        { act: 'hold.read', to: 'holds', icon: 'lock', label: 'Legal holds' },
        { act: 'payment.read', to: 'payments', icon: 'warn', label: 'Payments' },
        { act: 'approval.decide', to: 'approvals', icon: 'person', label: 'Second person' },
      ],
    },
    {
      name: 'Rights', items: [
        { act: 'any', to: 'exposure', icon: 'shield', label: 'Who could reach what' },
        { act: 'any', to: 'permissions', icon: 'eye', label: 'Who may do what' },
        { act: 'member.read', to: 'support', icon: 'lock', label: 'Support access' },
        { act: 'review.read', to: 'reviews', icon: 'check', label: 'Access reviews' },
        { act: 'leaver.remove', to: 'leavers', icon: 'out', label: 'Leavers' },
      ],
    },
    {
      name: 'Ways in', items: [
        { act: 'source.manage', to: 'settings/sources', icon: 'into', label: 'Sources' },
        { act: 'device.manage', to: 'settings/collectors', icon: 'device', label: 'Collectors' },
        { act: 'source.manage', to: 'settings/siprec', icon: 'phone', label: 'Recording sessions' },
        { act: 'import.run', to: 'imports', icon: 'box', label: 'Imports' },
      ],
    },
    {
      name: 'Keeping', items: [
        { act: 'retention.set', to: 'settings/retention', icon: 'clock', label: 'Retention' },
        { act: 'retention.set', to: 'settings/storage', icon: 'wave', label: 'Storage' },
        { act: 'speech.set', to: 'settings/speech', icon: 'voice', label: 'Speech engine' },
        { act: 'redaction.set', to: 'settings/redaction', icon: 'muted', label: 'Personal data' },
        { act: 'key.read', to: 'keys', icon: 'key', label: 'Keys' },
        { act: 'backup.read', to: 'backup', icon: 'copy', label: 'Backup' },
        { act: 'customer.leave', to: 'leave', icon: 'out', label: 'Leave' },
      ],
    },
    {
      name: 'People', items: [
        { act: 'member.read', to: 'settings/members', icon: 'people', label: 'Members' },
        { act: 'member.read', to: 'settings/directory', icon: 'phone', label: 'Directory' },
        { act: 'policy.read', to: 'settings/sign-in', icon: 'lock', label: 'Sign-in' },
        { act: 'idp.manage', to: 'settings/sso', icon: 'key', label: 'Single sign-on' },
        { act: 'scim.manage', to: 'settings/provisioning', icon: 'into', label: 'Provisioning' },
        { act: 'session.manage', to: 'settings/sessions', icon: 'globe', label: 'Sessions' },
        { act: 'accesslist.manage', to: 'settings/access', icon: 'shield', label: 'Access lists' },
      ],
    },
    {
      name: 'Programs and health', items: [
        { act: 'token.manage', to: 'settings/tokens', icon: 'key', label: 'API tokens' },
        { act: 'webhook.manage', to: 'settings/webhooks', icon: 'outof', label: 'Webhooks' },
        { act: 'usage.read', to: 'quota', icon: 'clock', label: 'Quota and usage' },
        { act: 'health.read', to: 'health', icon: 'check', label: 'Health' },
      ],
    },
  ] as const;
  const offered = groups.map((g) => ({ name: g.name, items: g.items.filter((i) => i.act === 'any' || may(i.act)) })).filter((g) => g.items.length > 0);
  return (
    <>
      {may('recording.list') && <Item to={`${base}/recordings`} icon="wave" label="Recordings" />}
      {may('recording.list') && <Item to={`${base}/calls`} icon="phone" label="Calls" />}
      {may('attention.read') && <Item to={`${base}/attention`} icon="warn" label="Needs attention" count={waiting} />}
      {may('alert.read') && <Item to={`${base}/alerts`} icon="warn" label="Alerts" count={alerts.data?.open} of="alerts" />}
      {may('coverage.read') && <Item to={`${base}/coverage`} icon="check" label="Coverage" />}
      {offered.map((g) => (
        <Fragment key={g.name}>
          <Heading text={g.name} />
          {g.items.map((i) => (
            <Item key={i.to} to={`${base}/${i.to}`} icon={i.icon} label={i.label} />
          ))}
        </Fragment>
      ))}
    </>
  );
}

function NodeNav({ node }: { node: string }) {
  const one = useQuery(nodeOf(node)).data;
  const deep = useNodeMay(node);
  const watching = deep('alert.read') && one !== undefined && one.kind !== 'customer';
  const alerts = useQuery({ ...alertList({ node }, 'open'), enabled: watching });
  const under = useQuery({ ...alertsBelow(node), enabled: watching });
  const may = useMay(node);
  const base = `/n/${node}`;
  return (
    <>
      <Item to={base} exact icon="tree" label="Organisations" />
      {deep('alert.read') && one?.kind !== 'customer' && <Item to={`${base}/alerts`} icon="warn" label="Alerts" count={(alerts.data?.open ?? 0) + (under.data?.items.filter((a) => !a.acknowledged_at).length ?? 0)} of="alerts" />}
      {deep('usage.read') && <Item to={`${base}/usage`} icon="clock" label="Quota and usage" />}
      {deep('staff.manage') && one?.kind !== 'customer' && <Item to={`${base}/staff`} icon="people" label="People" />}
      {deep('branding.set') && <Item to={`${base}/branding`} icon="eye" label="Branding" />}
      {deep('blueprint.apply') && <Item to={`${base}/blueprint`} icon="copy" label="Blueprint" />}
      {one?.kind === 'customer' && <Item to={`${base}/checklist`} icon="check" label="Checklist" />}
      {deep('usage.read') && <Item to={`${base}/releases`} icon="device" label="Collectors" />}
      {deep('health.read') && <Item to={`${base}/health`} icon="check" label="Health" />}
      {deep('usage.read') && <Item to={`${base}/log`} icon="history" label="Change log" />}
      {deep('review.read') && one?.kind !== 'customer' && <Item to={`${base}/reviews`} icon="check" label="Access reviews" />}
      {may('token.manage') && <Item to={`${base}/tokens`} icon="key" label="API tokens" />}
      {may('accesslist.manage') && <Item to={`${base}/access`} icon="shield" label="Access lists" />}
      {may('session.manage') && <Item to={`${base}/sessions`} icon="globe" label="Sessions" />}
      {one?.kind !== 'customer' && deep('backup.read') && <Item to={`${base}/backups`} icon="copy" label="Backups" />}
      {one?.kind === 'provider' && may('root.manage') && <Item to={`${base}/keys`} icon="key" label="Keys" />}
      {one?.kind === 'provider' && may('health.read') && <Item to={`${base}/installation`} icon="box" label="This installation" />}
    </>
  );
}

const Heading = ({ text }: { text: string }) => (
  <Text size="xs" fw={600} c="dimmed" px={10} pt="md" pb={4}>
    {text}
  </Text>
);

function Item({ to, icon, label, count, of = 'files', exact }: { to: string; icon: IconName; label: string; count?: number; of?: string; exact?: boolean }) {
  const path = useLocation().pathname;
  const here = path === to || (!exact && path.startsWith(`${to}/`));
  const ref = useRef<HTMLAnchorElement>(null);
  // The menu is longer than the screen: where one is must be seen in it.
  useEffect(() => {
    if (here) ref.current?.scrollIntoView({ block: 'nearest' });
  }, [here]);
  return (
    <NavLink
      ref={ref} component={Link} to={to} activeOptions={{ exact: true }} label={label} active={here} aria-current={here ? 'page' : undefined}
      leftSection={<Icon name={icon} />} h={36} px={10} style={{ borderRadius: 8 }} variant="light"
      rightSection={count ? <Text size="xs" fw={650} className="num">{count}<span className="sr"> {of}</span></Text> : undefined}
    />
  );
}

function Foot({ me, showHelp }: { me: Me; showHelp: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const leave = async () => {
    await giveUp();
    try {
      await must(api.POST('/api/v1/sign-out'));
    } catch {
      return toast('Signing out did not reach the server. Try again.', 'bad');
    }
    client.clear();
    forgetPurposes();
    client.setQueryData(meQuery.queryKey, null);
    await navigate({ to: '/sign-in', search: {} });
  };
  return (
    <Box pt="xs" style={{ borderTop: '1px solid var(--rf-line)' }}>
      <Item to="/account" icon="person" label={me.person.name || me.person.email} />
      <Group gap={4} px={4} pt={4} justify="space-between">
        <Scheme />
        <Small label="Keyboard shortcuts" icon="keyboard" onClick={showHelp} />
        {me.demo && (
          <Tooltip label="Demo mailbox">
            <ActionIcon component="a" href="/mailbox" target="_blank" rel="noreferrer" variant="subtle" color="gray" aria-label="Demo mailbox" size={34}>
              <Icon name="mail" />
            </ActionIcon>
          </Tooltip>
        )}
        <Small label="Sign out" icon="out" onClick={() => void leave()} />
      </Group>
    </Box>
  );
}

function Small({ label, icon, onClick }: { label: string; icon: IconName; onClick: () => void }) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" aria-label={label} size={34} onClick={onClick}>
        <Icon name={icon} />
      </ActionIcon>
    </Tooltip>
  );
}

function Scheme() {
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme('light') === 'dark';
  return <Small label={dark ? 'Light colours' : 'Dark colours'} icon={dark ? 'sun' : 'moon'} onClick={() => setColorScheme(dark ? 'light' : 'dark')} />;
}
