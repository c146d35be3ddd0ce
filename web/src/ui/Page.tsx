import { Box, Group, Text, Title } from '@mantine/core';
import { useEffect, type ReactNode } from 'react';
import { named } from './brand';

/** Page is the frame of each page: its title, one sentence what it is for, its actions. */
export function Page({ title, about, actions, wide, children }: {
  title: string;
  about?: ReactNode;
  actions?: ReactNode;
  wide?: boolean;
  children: ReactNode;
}) {
  useEffect(() => {
    document.title = named(title);
  }, [title]);
  return (
    <Box maw={wide ? undefined : 1080}>
      <Group justify="space-between" align="flex-end" mb="md" gap="sm">
        <Box style={{ flex: '1 1 320px' }}>
          <Title order={1}>{title}</Title>
          {about && (
            <Text c="dimmed" size="sm" mt={4} maw={720} component="div">
              {about}
            </Text>
          )}
        </Box>
        {actions}
      </Group>
      {children}
    </Box>
  );
}

/** Card is a bordered part of a page with a heading of its own. */
export function Card({ title, about, actions, children, flush }: {
  title?: string;
  about?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  flush?: boolean;
}) {
  return (
    <Box component="section" className="card" mb="md" aria-label={title}>
      {title && (
        <Group justify="space-between" p="md" pb={flush ? 'sm' : 0} gap="sm">
          <Box style={{ flex: '1 1 260px' }}>
            <Title order={2}>{title}</Title>
            {about && (
              <Text c="dimmed" size="sm" maw={680} component="div">
                {about}
              </Text>
            )}
          </Box>
          {actions}
        </Group>
      )}
      <Box p={flush ? 0 : 'md'}>{children}</Box>
    </Box>
  );
}
