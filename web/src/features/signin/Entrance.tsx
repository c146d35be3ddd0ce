import { Box, Center, Stack, Text, Title } from '@mantine/core';
import { useEffect, type ReactNode } from 'react';

/** Entrance is the frame of the pages before sign-in. */
export function Entrance({ title, about, children }: { title: string; about?: ReactNode; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Ringfence`;
  }, [title]);
  return (
    <Center component="main" mih="100dvh" p="md">
      <Stack w={380} maw="100%" gap="lg">
        <Stack gap={6} align="center">
          <img src="/favicon.svg" width={44} height={44} alt="" />
          <Text fw={680} size="lg">
            Ringfence
          </Text>
        </Stack>
        <Box className="card" p="lg">
          <Title order={1}>{title}</Title>
          {about && (
            <Text c="dimmed" size="sm" mt={4} component="div">
              {about}
            </Text>
          )}
          <Box mt="md">{children}</Box>
        </Box>
      </Stack>
    </Center>
  );
}
