import { Group, Text } from '@mantine/core';
import type { Brand } from '../api/types';
import { plain } from './brand';

/** BrandMark is logo and name. */
export function BrandMark({ brand, size = 24 }: { brand: Brand; size?: number }) {
  const own = brand.logo_url !== '';
  return (
    <Group gap={8} wrap="nowrap">
      {own ? <img src={brand.logo_url} alt="" style={{ height: size, maxWidth: size * 5 }} /> : brand.name === plain.name && <img src="/favicon.svg" width={size} height={size} alt="" />}
      <Text fw={680} size="lg" style={{ letterSpacing: '-0.01em' }} className="cut">
        {brand.name}
      </Text>
    </Group>
  );
}
