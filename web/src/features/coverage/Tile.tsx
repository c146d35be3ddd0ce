import { Badge, Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMay } from '../../api/me';
import { count } from '../../ui/format';
import { LinkAnchor } from '../../ui/LinkAnchor';
import { overview, share, sumOf } from './data';

/**
 * CoverageTile says beside the list of recordings whether everything that should be in it is. It is not there for who
 * may not know, and while no log has named a call: then nothing can be said.
 */
export function CoverageTile({ customer }: { customer: string }) {
  const may = useMay(customer)('coverage.read');
  const { data } = useQuery({ ...overview(customer), enabled: may });
  const sum = data && sumOf(data);
  if (!sum || sum.should === 0) return null;
  return (
    <LinkAnchor to="/c/$customer/coverage" params={{ customer }} underline="hover" className="card" px="md" py={6} c="var(--mantine-color-text)">
      <Group gap="xs" component="span">
        <Text span size="sm"><b className="num">{share(sum)}</b> of what should be there, {count(sum.days, 'day')}</Text>
        {sum.missing > 0 && <Badge component="span" color="red" variant="light">{sum.missing} missing</Badge>}
      </Group>
    </LinkAnchor>
  );
}
