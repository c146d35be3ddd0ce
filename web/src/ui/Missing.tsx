import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Empty } from './States';

/** Missing is the page for an address that leads nowhere. */
export function Missing() {
  return (
    <main>
      <Empty icon="search" title="There is no such page" action={<Button component={Link} to="/" variant="default">To the start</Button>}>
        The address may be old or mistyped.
      </Empty>
    </main>
  );
}

/** NoAccess is what remains of a page whose customer is not, or no longer, open to the reader. */
export function NoAccess() {
  return (
    <Empty icon="shield" title="This is not open to you, or no longer" action={<Button component={Link} to="/" variant="default">To the start</Button>}>
      Whoever administers it can give access.
    </Empty>
  );
}
