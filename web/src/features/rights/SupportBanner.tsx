import { Alert, Button, Group, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { api, must } from '../../api/client';
import { me as meQuery, useMay, usePlace } from '../../api/me';
import { roleName } from '../../api/roles';
import { Icon } from '../../ui/Icon';
import { Failed } from '../../ui/States';
import { support } from './queries';

const message = { message: { color: 'var(--mantine-color-text)' } };

function left(until: string, now: number): string {
  const s = Math.max(0, Math.round((Date.parse(until) - now) / 1000));
  if (s >= 3600) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return s >= 60 ? `${Math.floor(s / 60)} min` : `${s} s`;
}

/** useNow is the time, anew each second. */
function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const t = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(t);
  }, []);
  return now;
}

/** SupportBanner stands on every page of a customer while support access lasts: for the helper, and for who gave it. */
export function SupportBanner({ customer }: { customer: string }) {
  const place = usePlace(customer);
  const may = useMay(customer);
  if (place?.support) return <Helper customer={customer} name={place.name} access={place.support} />;
  return may('support.grant') ? <Giver customer={customer} /> : null;
}

function Helper({ customer, name, access }: { customer: string; name: string; access: { role: string; reason: string; by: string; until: string } }) {
  const now = useNow();
  const client = useQueryClient();
  const navigate = useNavigate();
  const over = Date.parse(access.until) <= now;
  useEffect(() => {
    if (over) void client.invalidateQueries({ queryKey: meQuery.queryKey });
  }, [over, client]);
  const leave = useMutation({
    mutationFn: () => must(api.POST('/api/v1/customers/{customer}/support/leave', { params: { path: { customer } } })),
    onSuccess: async () => {
      // What the person holds first: the start page would lead back here else.
      await client.fetchQuery({ ...meQuery, staleTime: 0 });
      await navigate({ to: '/' });
    },
  });
  return (
    <section aria-label="Support access">
    <Alert color="yellow" variant="light" mb="md" icon={<Icon name="shield" />} title={`You are here by support access of ${name}`} styles={message} role="note">
      <Group justify="space-between" gap="sm">
        <Text size="sm" style={{ flex: '1 1 320px' }}>
          {access.by || 'An administrator'} let you in as {roleName(access.role)}: “{access.reason}”. All you do stands in their change log. <strong>{left(access.until, now)}</strong> left.
        </Text>
        <Button size="compact-md" variant="default" loading={leave.isPending} onClick={() => leave.mutate()}>End it now</Button>
      </Group>
      {leave.error != null && <Failed error={leave.error} />}
    </Alert>
    </section>
  );
}

function Giver({ customer }: { customer: string }) {
  const now = useNow();
  const open = useQuery(support(customer)).data?.items.filter((g) => g.open && Date.parse(g.until) > now) ?? [];
  if (open.length === 0) return null;
  return (
    <section aria-label="Support access">
    <Alert color="yellow" variant="light" mb="md" icon={<Icon name="shield" />} styles={message} role="note">
      <Group justify="space-between" gap="sm">
        <Text size="sm" style={{ flex: '1 1 320px' }}>
          {open.map((g) => `${g.name} can come in by support access as ${roleName(g.role)}, ${left(g.until, now)} left.`).join(' ')}
        </Text>
        <Button component={Link} to={`/c/${customer}/support`} size="compact-md" variant="default">See or end it</Button>
      </Group>
    </Alert>
    </section>
  );
}
