import { Button, PasswordInput, Progress, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, must } from '../../api/client';
import { Problem } from '../../api/errors';
import { Empty, Failed } from '../../ui/States';
import { Entrance } from './Entrance';

const route = getRouteApi('/welcome');

/** token is in the link's fragment, which a browser sends to no server and writes into no log, or in its query. */
const fromFragment = () => new URLSearchParams(location.hash.slice(1)).get('token') ?? undefined;

export function WelcomePage() {
  const search = route.useSearch();
  return (
    <Choose
      token={search.token} title="Welcome" send={(token, password) => must(api.POST('/api/v1/welcome', { body: { token, password } }))}
      after="From now on you sign in with your e-mail, this password and a code. Under “Your account” you can set up a passkey, which is safer and quicker."
    />
  );
}

/** ResetPage sets a new password with the link of a mail. */
export function ResetPage() {
  return (
    <Choose
      title="Set a new password" send={(token, password) => must(api.POST('/api/v1/forgotten/password', { body: { token, password } }))}
      after="Every browser was signed out. Sign in with the new password; your second factor is asked for as before."
    />
  );
}

function Choose({ token: given, title, send, after }: { token?: string; title: string; send: (token: string, password: string) => Promise<unknown>; after: string }) {
  const [token] = useState(() => fromFragment() ?? given);
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const set = useMutation({ mutationFn: () => send(token!, password) });
  const differs = again !== '' && again !== password;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    if (!differs) set.mutate();
  };
  if (!token) {
    return (
      <Entrance title={title}>
        <Text size="sm">This link is not whole. Open it again from the mail, or ask for a new one.</Text>
      </Entrance>
    );
  }
  if (set.isSuccess) {
    return (
      <Entrance title="Your password is set">
        <Empty icon="check" title="Ready" action={<Button component={Link} to="/sign-in">Sign in</Button>}>
          {after}
        </Empty>
      </Entrance>
    );
  }
  const weak = set.error instanceof Problem && set.error.status === 422 ? (set.error.about('password') ?? set.error.detail) : null;
  return (
    <Entrance title={title} about="Choose a password. A few unrelated words are strong and easy to remember.">
      <form onSubmit={submit}>
        <Stack>
          <PasswordInput label="Password" autoComplete="new-password" required withAsterisk={false} autoFocus value={password} onChange={(e) => setPassword(e.currentTarget.value)} error={weak} visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }} />
          <Length of={password} />
          <PasswordInput label="Once more" autoComplete="new-password" required withAsterisk={false} value={again} onChange={(e) => setAgain(e.currentTarget.value)} error={differs && 'The two differ.'} visibilityToggleButtonProps={{ 'aria-label': 'Show the repeated password' }} />
          {set.error != null && !weak && <Failed error={set.error} />}
          <Button type="submit" loading={set.isPending} disabled={differs || password === ''}>
            Set the password
          </Button>
        </Stack>
      </form>
    </Entrance>
  );
}

/** Length is only a hint; the server judges the strength. */
function Length({ of }: { of: string }) {
  return <Progress value={Math.min(100, of.length * 6)} size={4} color={of.length < 10 ? 'yellow.7' : 'pine'} aria-label="Length of the password" />;
}
