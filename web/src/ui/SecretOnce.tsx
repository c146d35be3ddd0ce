import { Alert, Button, CopyButton, Group, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { Icon } from './Icon';

/** CopyLine is a text to take away, in full, with a button that copies it. */
export function CopyLine({ text, label }: { text: string; label: string }) {
  return (
    <Group gap="xs" wrap="nowrap" align="stretch">
      <Text component="code" className="mono card" px="sm" py={6} style={{ flex: 1, whiteSpace: 'pre-wrap' }} tabIndex={0} aria-label={label}>
        {text}
      </Text>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Button variant="default" onClick={copy} leftSection={<Icon name={copied ? 'check' : 'copy'} size={14} />} aria-label={`Copy ${label.toLowerCase()}`}>
            {copied ? 'Copied' : 'Copy'}
          </Button>
        )}
      </CopyButton>
    </Group>
  );
}

/** SecretOnce shows what the server will never show again. */
export function SecretOnce({ title, children, onDone }: { title: string; children: ReactNode; onDone: () => void }) {
  return (
    <Alert color="pine" variant="light" title={title} icon={<Icon name="key" />} mb="md" styles={{ message: { color: 'var(--mantine-color-text)' } }}>
      <Stack gap="sm">
        {children}
        <Group>
          <Button size="xs" variant="default" onClick={onDone}>
            I have kept it
          </Button>
        </Group>
      </Stack>
    </Alert>
  );
}
