import { CloseButton, Group, Paper, Stack, Text } from '@mantine/core';
import { Icon } from './Icon';
import { dismiss, useToasts } from './toast';

/** Toasts is where short news appear; the region exists before its first text so that it is read aloud. */
export function Toasts() {
  const toasts = useToasts();
  return (
    <Stack
      aria-live="polite" role="region" aria-label="News" gap="xs"
      style={{ position: 'fixed', right: 16, bottom: 16, zIndex: 400, maxWidth: 'calc(100vw - 32px)', width: 360, pointerEvents: 'none' }}
    >
      {toasts.map((t) => (
        <Paper key={t.id} withBorder shadow="md" p="sm" style={{ pointerEvents: 'auto' }}>
          <Group wrap="nowrap" gap="sm" align="flex-start">
            <span className={t.tone === 'good' ? 'positive' : 'negative'}>
              <Icon name={t.tone === 'good' ? 'check' : 'warn'} />
            </span>
            <Text size="sm" style={{ flex: 1 }}>
              {t.text}
            </Text>
            <CloseButton size="sm" aria-label="Dismiss" onClick={() => dismiss(t.id)} />
          </Group>
        </Paper>
      ))}
    </Stack>
  );
}
