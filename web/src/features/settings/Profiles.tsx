import { Badge, Group, Select, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api, here, must } from '../../api/client';
import type { Profile } from '../../api/types';

export const profiles = (customer: string) => ({
  queryKey: here(customer, 'profiles'),
  queryFn: () => must(api.GET('/api/v1/customers/{customer}/profiles', { params: { path: { customer } } })),
  staleTime: Infinity,
});

/** Unverified says that a profile was never tried against a real system. */
export const Unverified = () => <Badge variant="outline" color="orange">unverified</Badge>;

/** useProfile gives what is known of a profile; nothing while it is being asked. */
export function useProfile(customer: string, name: string): Profile | undefined {
  return useQuery(profiles(customer)).data?.items.find((p) => p.name === name);
}

/** ProfileSelect offers the telephone systems that can be read, and says which of them were never checked against a real one. */
export function ProfileSelect({ customer, value, onChange, error }: { customer: string; value: string; onChange: (name: string) => void; error?: string }) {
  const list = useQuery(profiles(customer)).data?.items ?? [];
  const one = list.find((p) => p.name === value);
  return (
    <Stack gap={4}>
      <Select
        label="Telephone system" required allowDeselect={false} value={value} error={error} onChange={(v) => v && onChange(v)}
        data={list.length ? list.map((p) => ({ value: p.name, label: p.verified ? p.title : `${p.title} (unverified)` })) : [{ value, label: value }]}
        comboboxProps={{ withinPortal: true }}
      />
      {one && (
        <Text size="xs" c="dimmed">
          {one.reads}
        </Text>
      )}
      {one && !one.verified && (
        <Group gap={6} wrap="nowrap" align="flex-start">
          <Unverified />
          <Text size="xs">{one.checked}</Text>
        </Group>
      )}
    </Stack>
  );
}
