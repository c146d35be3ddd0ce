import { Box, Group, Menu, Text } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import type { Place } from '../api/types';
import { Icon } from './Icon';

const kinds: Record<string, string> = { provider: 'Provider', reseller: 'Reseller', customer: 'Customer' };

export const address = (p: Place) => (p.kind === 'customer' ? `/c/${p.id}/recordings` : `/n/${p.id}`);

/** PlaceSwitcher says whose world is on the screen, and leads to the others the person belongs to. */
export function PlaceSwitcher({ places, current }: { places: readonly Place[]; current?: string }) {
  const navigate = useNavigate();
  const now = places.find((p) => p.id === current);
  const label = (
    <Group gap={8} wrap="nowrap" justify="space-between" px={10} py={6} style={{ border: '1px solid var(--rf-line)', borderRadius: 8 }}>
      <Box style={{ minWidth: 0 }}>
        <Text size="sm" fw={600} className="cut">
          {now?.name ?? 'Choose a place'}
        </Text>
        <Text size="xs" c="dimmed">
          {now ? kinds[now.kind] : `${places.length} to choose from`}
        </Text>
      </Box>
      {places.length > 1 && <Icon name="down" size={16} />}
    </Group>
  );
  if (places.length < 2 && now) return label;
  return (
    <Menu width={212} position="bottom-start">
      <Menu.Target>
        <button type="button" className="plain" style={{ display: 'block', width: '100%' }}>
          <span className="sr">Switch place. Now: </span>
          {label}
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {['provider', 'reseller', 'customer'].map((kind) => {
          const group = places.filter((p) => p.kind === kind);
          if (group.length === 0) return null;
          return (
            <Box key={kind}>
              <Menu.Label>{kinds[kind]}</Menu.Label>
              {group.map((p) => (
                <Menu.Item key={p.id} onClick={() => void navigate({ to: address(p) })} rightSection={p.id === current ? <Icon name="check" size={14} /> : undefined}>
                  {p.name}
                </Menu.Item>
              ))}
            </Box>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
}
