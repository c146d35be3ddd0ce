import { Anchor, Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Navigate } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, must } from '../../api/client';
import { Problem } from '../../api/errors';
import { home, me as meQuery } from '../../api/me';
import { Failed } from '../../ui/States';
import { Entrance } from './Entrance';

const route = getRouteApi('/sign-in');

/** inside keeps a "next" address within the portal: another site's would make the sign-in page a springboard for phishing. */
const inside = (next?: string) => (next && /^\/(?![/\\])/.test(next) ? next : undefined);

export function SignInPage() {
  const { next } = route.useSearch();
  const me = useQuery(meQuery);
  const [mailedTo, setMailedTo] = useState<string | null>(null);
  const client = useQueryClient();
  if (me.data) return <Navigate to={inside(next) ?? home(me.data.places)} replace />;
  const done = async () => {
    await client.resetQueries();
  };
  return mailedTo === null ? <Password onCode={setMailedTo} onDone={done} /> : <Code mailedTo={mailedTo} onBack={() => setMailedTo(null)} onDone={done} />;
}

/** refused says the same for every wrong pair, so that nobody learns which addresses exist. */
function refused(error: unknown) {
  if (error instanceof Problem && (error.status === 401 || error.status === 422)) return error.detail || 'That did not match. Check it and try again.';
  return null;
}

function Password({ onCode, onDone }: { onCode: (to: string) => void; onDone: () => Promise<void> }) {
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const enter = useMutation({
    mutationFn: () => must(api.POST('/api/v1/sign-in', { body: { email: email.trim(), password } })),
    onSuccess: (step) => (step.next === 'code' ? onCode(step.mailed_to) : onDone()),
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    enter.mutate();
  };
  const text = refused(enter.error);
  return (
    <Entrance title="Sign in">
      <form onSubmit={submit}>
        <Stack>
          <TextInput label="E-mail" type="email" autoComplete="username" required withAsterisk={false} value={email} onChange={(e) => setEmail(e.currentTarget.value)} autoFocus />
          <PasswordInput label="Password" autoComplete="current-password" required withAsterisk={false} value={password} onChange={(e) => setPassword(e.currentTarget.value)} error={text} visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }} />
          {enter.error != null && !text && <Failed error={enter.error} />}
          <Button type="submit" loading={enter.isPending}>
            Continue
          </Button>
        </Stack>
      </form>
    </Entrance>
  );
}

function Code({ mailedTo, onBack, onDone }: { mailedTo: string; onBack: () => void; onDone: () => Promise<void> }) {
  const [code, setCode] = useState('');
  const enter = useMutation({
    mutationFn: (digits: string) => must(api.POST('/api/v1/sign-in/code', { body: { code: digits } })),
    onSuccess: onDone,
  });
  const demo = useDemo();
  const submit = (e: FormEvent) => {
    e.preventDefault();
    enter.mutate(code.replaceAll(/\D/g, ''));
  };
  const change = (value: string) => {
    setCode(value);
    const digits = value.replaceAll(/\D/g, '');
    if (digits.length === 8 && !enter.isPending) enter.mutate(digits);
  };
  const text = refused(enter.error);
  return (
    <Entrance title="Check your mail" about={<>We sent a code of eight digits to <b>{mailedTo}</b>. It works once, in this browser, for ten minutes.</>}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label="Code" inputMode="numeric" autoComplete="one-time-code" required withAsterisk={false} autoFocus value={code} error={text} maxLength={16}
            onChange={(e) => change(e.currentTarget.value)} styles={{ input: { fontSize: 20, letterSpacing: '0.18em', fontVariantNumeric: 'tabular-nums' } }}
          />
          {enter.error != null && !text && <Failed error={enter.error} />}
          <Button type="submit" loading={enter.isPending}>
            Sign in
          </Button>
          <Text size="sm" c="dimmed">
            No mail?{' '}
            <Anchor component="button" type="button" size="sm" onClick={onBack}>
              Start again
            </Anchor>
            {demo && (
              <>
                {' '}This is the demo: codes are shown in the{' '}
                <Anchor href="/mailbox" target="_blank" rel="noreferrer" size="sm">
                  mailbox
                </Anchor>
                .
              </>
            )}
          </Text>
        </Stack>
      </form>
    </Entrance>
  );
}

/** useDemo asks whether there is a local mailbox: only `ringfence demo` has one. */
function useDemo(): boolean {
  const probe = useQuery({
    queryKey: ['mailbox'],
    queryFn: async () => {
      const answer = await fetch('/mailbox.json', { method: 'HEAD' });
      return answer.ok && (answer.headers.get('Content-Type') ?? '').includes('json');
    },
    retry: false,
    staleTime: Infinity,
  });
  return probe.data ?? false;
}
