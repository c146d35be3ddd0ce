import { Alert, Anchor } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { retention } from '../features/settings/queries';
import { Icon } from './Icon';

/** RetentionBanner stands on every page until somebody has chosen how long to keep: nothing is captured before. */
export function RetentionBanner({ customer }: { customer: string }) {
  const { data } = useQuery(retention(customer));
  if (!data || data.forever || (data.days ?? null) !== null) return null;
  return (
    <Alert color="yellow" variant="light" mb="md" icon={<Icon name="clock" />} title="Nothing is captured yet" styles={{ message: { color: 'var(--mantine-color-text)' } }}>
      Recordings wait at their source until you have chosen how long to keep them.{' '}
      <Anchor component={Link} to={`/c/${customer}/settings/retention`} inherit underline="always">
        Choose now
      </Anchor>
    </Alert>
  );
}
