import { Alert, Button, Group, Skeleton, Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { advice } from '../api/errors';
import { Icon, type IconName } from './Icon';

/** Loading draws the shape of what will come, and tells a screen reader so. */
export function Loading({ rows = 6, height = 36 }: { rows?: number; height?: number }) {
  return (
    <Stack gap="xs" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, i) => (
        <Skeleton key={i} height={height} radius="sm" style={{ opacity: 1 - i / (rows + 2) }} />
      ))}
    </Stack>
  );
}

/** Failed says what went wrong, what to do, and offers to try again. */
export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  const { title, text } = advice(error);
  return (
    <Alert color="red" variant="light" title={title} icon={<Icon name="warn" />} role="alert" styles={{ message: { color: 'var(--mantine-color-text)' } }}>
      <Stack gap="sm" align="flex-start">
        <Text size="sm">{text}</Text>
        {retry && (
          <Button size="xs" variant="default" leftSection={<Icon name="refresh" size={14} />} onClick={retry}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

/** Empty says why there is nothing, and what would make something appear. */
export function Empty({ icon, title, children, action }: { icon: IconName; title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <Stack align="center" gap="xs" py={56} px="md" ta="center">
      <div style={{ color: 'var(--mantine-color-pine-6)' }}>
        <Icon name={icon} size={34} />
      </div>
      <Title order={2}>{title}</Title>
      {children && (
        <Text c="dimmed" maw={460} size="sm" component="div">
          {children}
        </Text>
      )}
      {action && <Group mt="xs">{action}</Group>}
    </Stack>
  );
}

type Asked<T> = { data: T | undefined; error: unknown; isPending: boolean; refetch: () => unknown };

/** Answered shows one query's three ends: waiting, failed, or what came. */
export function Answered<T>({ query, rows, children }: { query: Asked<T>; rows?: number; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return children(query.data);
  if (query.error) return <Failed error={query.error} retry={() => void query.refetch()} />;
  return <Loading rows={rows} />;
}
