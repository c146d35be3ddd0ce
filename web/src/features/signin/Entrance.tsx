import { Box, Center, Stack, Text, Title } from '@mantine/core';
import { useEffect, type ReactNode } from 'react';
import { named, useDoorBrand } from '../../ui/brand';
import { BrandMark } from '../../ui/BrandMark';

/** Entrance is the frame of the pages before sign-in. */
export function Entrance({ title, about, children }: { title: string; about?: ReactNode; children: ReactNode }) {
  const brand = useDoorBrand();
  useEffect(() => {
    document.title = named(title);
  }, [title, brand]);
  return (
    <Center component="main" mih="100dvh" p="md">
      <Stack w={380} maw="100%" gap="lg">
        <Stack gap={6} align="center">
          <BrandMark brand={brand} size={40} />
        </Stack>
        <Box className="card" p="lg" style={{ borderTop: '3px solid var(--rf-accent)' }}>
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
