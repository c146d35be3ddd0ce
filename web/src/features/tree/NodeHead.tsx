import { Anchor, Breadcrumbs, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { nodeOf } from './queries';

/** NodeHead is where a node stands: the nodes above it that the reader may see. */
export function NodeHead({ node, page }: { node: string; page?: string }) {
  const one = useQuery(nodeOf(node)).data;
  if (!one) return null;
  return (
    <Breadcrumbs mb="xs" separator="›" aria-label="Where this stands">
      {one.path.map((n) => (
        <Anchor key={n.id} size="sm" component={Link} to={`/n/${n.id}`}>{n.name}</Anchor>
      ))}
      {page ? <Anchor size="sm" component={Link} to={`/n/${node}`}>{one.name}</Anchor> : <Text size="sm">{one.name}</Text>}
      {page && <Text size="sm">{page}</Text>}
    </Breadcrumbs>
  );
}
