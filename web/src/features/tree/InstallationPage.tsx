import { Badge, Table, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { api, must } from '../../api/client';
import { useMe } from '../../api/me';
import type { components } from '../../api/types';
import { bytes, day, moment } from '../../ui/format';
import { Card, Page } from '../../ui/Page';
import { Answered } from '../../ui/States';
import { NodeHead } from './NodeHead';

type Installation = components['schemas']['Installation'];

const route = getRouteApi('/in/n/$node/installation');
const soon = 21;

const sources: Record<Installation['tls']['from'], string> = {
  files: 'From files, read again when they change',
  authority: 'From an authority, renewed by itself',
  proxy: 'At a proxy in front of this server',
  none: 'None: this server is reached from its own machine only',
};

/** InstallationPage is what the provider has to know of the server itself. */
export function InstallationPage() {
  const { node } = route.useParams();
  const installation = useQuery({
    queryKey: ['node', node, 'installation'],
    queryFn: () => must(api.GET('/api/v1/nodes/{node}/installation', { params: { path: { node } } })),
    refetchInterval: 60_000,
  });
  return (
    <>
      <NodeHead node={node} page="This installation" />
      <Page title="This installation" about="What runs here, how it is reached, and where it keeps things. Only the provider sees this page.">
        <Answered query={installation} rows={6}>
          {(i) => (
            <>
              <Server i={i} />
              <Ways i={i} />
              <Folders folders={i.folders} />
            </>
          )}
        </Answered>
      </Page>
    </>
  );
}

function Server({ i }: { i: Installation }) {
  return (
    <Card title="Server">
      <Facts>
        <Fact name="Release">{i.release}{i.commit && <Text span c="dimmed"> · built from {i.commit.slice(0, 12)}</Text>}</Fact>
        <Fact name="Address">{i.address}</Fact>
        <Fact name="Listens on">{i.listen}</Fact>
        <Fact name="Running since">{moment(i.started_at)}</Fact>
        <Fact name="Installed">{i.installed_at ? day(i.installed_at) : 'not known'}</Fact>
      </Facts>
    </Card>
  );
}

function Ways({ i: { tls, mail } }: { i: Installation }) {
  const demo = useMe()?.demo;
  return (
    <Card title="Certificate and mail">
      <Facts>
        <Fact name="Certificate">{sources[tls.from]}</Fact>
        {tls.until && tls.days_left !== null && (
          <Fact name="Good until">
            {day(tls.until)}{' '}
            <Badge variant="light" color={tls.days_left < 7 ? 'red.8' : tls.days_left < soon ? 'yellow.9' : 'teal.9'}>{tls.days_left === 1 ? '1 day left' : `${tls.days_left} days left`}</Badge>
          </Fact>
        )}
        {tls.from !== 'none' && <Fact name="Tried"><Proven at={tls.proven_at} skipped={tls.skipped} /></Fact>}
        <Fact name="Mail">{mail.server || (demo ? 'Shown on the page of the demo’s mailbox, and not sent' : 'Cannot leave: nobody is sent a code or an invitation')}</Fact>
        {mail.server && <Fact name="Test message taken"><Proven at={mail.proven_at} skipped={mail.skipped} /></Fact>}
      </Facts>
    </Card>
  );
}

function Proven({ at, skipped }: { at: string | null; skipped: string }) {
  if (at) return <>{moment(at)}</>;
  return <>{skipped ? `Not, at installation. The reason given: ${skipped}` : 'Not at installation'}</>;
}

function Folders({ folders }: { folders: Installation['folders'] }) {
  const keys = folders.filter((f) => f.use.includes('keys')).length;
  return (
    <Card title="Folders">
      {keys === 1 && <Text size="sm" mb="sm">Keys lie in one folder only: recordings are collected, but their sources are kept until a second one is set.</Text>}
      <Table.ScrollContainer minWidth={420}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Holds</Table.Th>
              <Table.Th>Folder</Table.Th>
              <Table.Th ta="right">Free</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {folders.map((f) => (
              <Table.Tr key={f.use}>
                <Table.Td>{f.use[0]!.toUpperCase() + f.use.slice(1)}</Table.Td>
                <Table.Td>{f.path}</Table.Td>
                <Table.Td ta="right" className="num">{f.free_bytes === null ? 'not mounted?' : bytes(f.free_bytes)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Card>
  );
}

const Facts = ({ children }: { children: ReactNode }) => (
  <Table variant="vertical" layout="fixed" withRowBorders={false}>
    <Table.Tbody>{children}</Table.Tbody>
  </Table>
);

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <Table.Tr>
      <Table.Th w={{ base: 120, sm: 180 }} fw={500} bg="transparent" pl={0} scope="row">{name}</Table.Th>
      <Table.Td style={{ overflowWrap: 'anywhere' }}>{children}</Table.Td>
    </Table.Tr>
  );
}
