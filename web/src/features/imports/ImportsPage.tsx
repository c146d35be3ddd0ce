import { Badge, Button, Group, Progress, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import type { Import } from '../../api/types';
import { bytes, count, moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Page } from '../../ui/Page';
import { Answered, Empty } from '../../ui/States';
import { ImportForm } from './ImportForm';
import { busy, imports, part, said } from './queries';

/** ImportsPage lists what was taken in of old recordings, and what is being taken in. */
export function ImportsPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const query = useQuery({ ...imports(customer), refetchInterval: (q) => (q.state.data?.items.some(busy) ? 2000 : false) });
  const [making, setMaking] = useState(false);
  const add = <Button leftSection={<Icon name="plus" size={16} />} onClick={() => setMaking(true)}>Prepare an import</Button>;
  return (
    <Page title="Imports" about="Years of old recordings from a folder of this server. You see what would happen before anything does, and every file is accounted for at the end. No file is touched." actions={add}>
      <Answered query={query}>
        {(data) =>
          data.items.length === 0 ? (
            <div className="card">
              <Empty icon="box" title="Nothing was imported yet">Put the old recordings into a folder that this server may read, then prepare an import: it counts calls, duplicates and what has expired.</Empty>
            </div>
          ) : (
            <Stack gap="sm">
              {data.items.map((i) => (
                <Line key={i.id} of={i} customer={customer} />
              ))}
            </Stack>
          )
        }
      </Answered>
      {making && <ImportForm customer={customer} onClose={() => setMaking(false)} />}
    </Page>
  );
}

function Line({ of: i, customer }: { of: Import; customer: string }) {
  return (
    <article className="card" style={{ padding: 16 }} aria-label={i.settings.name}>
      <Group justify="space-between" align="flex-start" gap="md">
        <div style={{ flex: '1 1 320px', minWidth: 0 }}>
          <Group gap="xs">
            <Title order={2}>{i.settings.name}</Title>
            <Badge color={i.state === 'stopped' ? 'red' : undefined}>{said[i.state]}</Badge>
          </Group>
          {i.settings.folder && <Text className="mono" mt={6}>{i.settings.folder}</Text>}
          <Text size="sm" c="dimmed" mt={6}>
            {count(i.files, 'file')}, {bytes(i.bytes)} · prepared {moment(i.created_at)}
          </Text>
          {i.state_text && <Text size="sm" mt={4}>{i.state_text}</Text>}
          {busy(i) && <Progress mt="xs" value={part(i)} aria-label={`${part(i)} % of ${i.settings.name}`} />}
        </div>
        <Button size="compact-sm" variant="default" component={Link} to={`/c/${customer}/imports/${i.id}`} aria-label={`Open ${i.settings.name}`}>Open</Button>
      </Group>
    </article>
  );
}
