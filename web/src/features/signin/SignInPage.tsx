import { Anchor, Button, Checkbox, Divider, PasswordInput, SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link, Navigate } from '@tanstack/react-router';
import { useEffect, useState, type FormEvent } from 'react';
import { api, must } from '../../api/client';
import { Problem } from '../../api/errors';
import { home, me as meQuery } from '../../api/me';
import { autofill, enter as enterByPasskey, left, possible } from '../../api/passkey';
import { Icon } from '../../ui/Icon';
import { LinkAnchor } from '../../ui/LinkAnchor';
import { Failed } from '../../ui/States';
import { Refused } from '../sso/Elsewhere';
import { Entrance } from './Entrance';

const route = getRouteApi('/sign-in');

/** inside keeps a "next" address within the portal: another site's would make the sign-in page a springboard for phishing. */
const inside = (next?: string) => (next && /^\/(?![/\\])/.test(next) ? next : undefined);

/** What is to be shown after the password. */
type Next = { mailedTo: string; methods: string[] };

export function SignInPage() {
  const { next } = route.useSearch();
  const me = useQuery(meQuery);
  const [step, setStep] = useState<Next | null>(null);
  const client = useQueryClient();
  if (me.data) return <Navigate to={inside(next) ?? home(me.data.places)} replace />;
  const done = async () => {
    await client.resetQueries();
  };
  return step === null ? <Password onNext={setStep} onDone={done} /> : <Second step={step} onBack={() => setStep(null)} onDone={done} />;
}

/** refused says the same for every wrong pair, so that nobody learns which addresses exist. */
function refused(error: unknown) {
  if (error instanceof Problem && (error.status === 401 || error.status === 422)) return error.detail || 'That did not match. Check it and try again.';
  return null;
}

/** Passkeys come first: offered within the e-mail field where the browser can, and by a button where it knows them at all. */
function Password({ onNext, onDone }: { onNext: (step: Next) => void; onDone: () => Promise<void> }) {
  const { next, refused: word } = route.useSearch();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const passkey = useMutation({ mutationFn: () => enterByPasskey(), onSuccess: onDone });
  useAutofill(onDone, passkey.isPending);
  const enter = useMutation({
    mutationFn: () => must(api.POST('/api/v1/sign-in', { body: { email: email.trim(), password } })),
    onSuccess: (step) => (step.next === 'done' ? onDone() : onNext({ mailedTo: step.mailed_to, methods: step.methods })),
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    enter.mutate();
  };
  const text = refused(enter.error);
  return (
    <Entrance title="Sign in">
      <Stack>
        <Refused word={word} />
        {possible() && (
          <>
            <Button variant="default" leftSection={<Icon name="key" size={16} />} loading={passkey.isPending} onClick={() => passkey.mutate()}>
              Sign in with a passkey
            </Button>
            {passkey.error != null && !left(passkey.error) && <Failed error={refused(passkey.error) ? new Problem(400, 'Not accepted', refused(passkey.error)!) : passkey.error} />}
            <Divider label="or" />
          </>
        )}
        <form onSubmit={submit}>
          <Stack>
            <TextInput label="E-mail" type="email" autoComplete="username webauthn" required withAsterisk={false} value={email} onChange={(e) => setEmail(e.currentTarget.value)} autoFocus />
            <PasswordInput label="Password" autoComplete="current-password" required withAsterisk={false} value={password} onChange={(e) => setPassword(e.currentTarget.value)} error={text} visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }} />
            {enter.error != null && !text && <Failed error={enter.error} />}
            <Button type="submit" loading={enter.isPending}>
              Continue
            </Button>
            <Anchor component={Link} to="/forgotten" size="sm">
              Forgotten your password?
            </Anchor>
            <LinkAnchor to="/sign-in/organisation" search={{ next: inside(next) }} size="sm">
              Sign in with your organisation
            </LinkAnchor>
          </Stack>
        </form>
      </Stack>
    </Entrance>
  );
}

/** useAutofill lets the browser offer passkeys beside remembered addresses; it waits quietly until one is chosen. */
function useAutofill(onDone: () => Promise<void>, busy: boolean) {
  useEffect(() => {
    if (busy) return; // the browser answers one request at a time
    const end = new AbortController();
    void (async () => {
      if (!(await autofill()) || end.signal.aborted) return;
      try {
        await enterByPasskey({ mediation: 'conditional', signal: end.signal });
        await onDone();
      } catch {
        // Nobody asked for it: the form below is there.
      }
    })();
    return () => end.abort();
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [busy]);
}

const labels: Record<string, string> = { totp: 'App', recovery: 'Recovery code' };

/** Second asks for what comes after the password. */
function Second({ step, onBack, onDone }: { step: Next; onBack: () => void; onDone: () => Promise<void> }) {
  const typed = step.methods.filter((m) => m !== 'passkey');
  const [by, setBy] = useState(typed[0] ?? 'passkey');
  const passkey = useMutation({ mutationFn: () => enterByPasskey(), onSuccess: onDone });
  const offered = step.methods.includes('passkey') && possible();
  const mailed = by === 'mail';
  return (
    <Entrance
      title={mailed ? 'Check your mail' : 'One more thing'}
      about={mailed ? <>We sent a code of eight digits to <b>{step.mailedTo}</b>. It works once, in this browser, for ten minutes.</> : 'Show that it is you.'}
    >
      <Stack>
        {offered && (
          <>
            <Button leftSection={<Icon name="key" size={16} />} loading={passkey.isPending} onClick={() => passkey.mutate()}>
              Use your passkey
            </Button>
            {passkey.error != null && !left(passkey.error) && <Failed error={passkey.error} />}
            {typed.length > 0 && <Divider label="or" />}
          </>
        )}
        {typed.length > 1 && <SegmentedControl aria-label="How" value={by} onChange={setBy} data={typed.map((m) => ({ value: m, label: labels[m] ?? m }))} fullWidth />}
        {typed.length > 0 && <Code key={by} by={by as 'mail' | 'totp' | 'recovery'} onDone={onDone} />}
        <Text size="sm" c="dimmed">
          {mailed ? 'No mail?' : 'Not you?'}{' '}
          <Anchor component="button" type="button" size="sm" onClick={onBack}>
            Start again
          </Anchor>
          {mailed && <Demo />}
        </Text>
      </Stack>
    </Entrance>
  );
}

function Code({ by, onDone }: { by: 'mail' | 'totp' | 'recovery'; onDone: () => Promise<void> }) {
  const [code, setCode] = useState('');
  const [trust, setTrust] = useState(false);
  const enter = useMutation({
    mutationFn: (typed: string) => must(api.POST('/api/v1/sign-in/code', { body: { code: typed, method: by, trust } })),
    onSuccess: onDone,
  });
  const whole = (value: string) => (by === 'recovery' ? value : value.replaceAll(/\D/g, ''));
  const submit = (e: FormEvent) => {
    e.preventDefault();
    enter.mutate(whole(code));
  };
  const change = (value: string) => {
    setCode(value);
    const length = { mail: 8, totp: 6, recovery: Infinity }[by];
    if (whole(value).length === length && !enter.isPending) enter.mutate(whole(value));
  };
  const text = refused(enter.error);
  return (
    <form onSubmit={submit}>
      <Stack>
        <Checkbox label="Remember this browser" description="Not on a computer that others use. As long as your organisation lets it." checked={trust} onChange={(e) => setTrust(e.currentTarget.checked)} />
        <TextInput
          label={{ mail: 'Code', totp: 'Code of your authenticator app', recovery: 'One of your recovery codes' }[by]}
          inputMode={by === 'recovery' ? 'text' : 'numeric'} autoComplete="one-time-code" required withAsterisk={false} autoFocus value={code} error={text} maxLength={by === 'recovery' ? 40 : 16}
          onChange={(e) => change(e.currentTarget.value)} styles={{ input: { fontSize: 20, letterSpacing: by === 'recovery' ? '0.04em' : '0.18em', fontVariantNumeric: 'tabular-nums' } }}
        />
        {enter.error != null && !text && <Failed error={enter.error} />}
        <Button type="submit" loading={enter.isPending}>
          Sign in
        </Button>
      </Stack>
    </form>
  );
}

/** Demo tells where the code is: only `ringfence demo` has a local mailbox. */
function Demo() {
  const probe = useQuery({
    queryKey: ['mailbox'],
    queryFn: async () => {
      const answer = await fetch('/mailbox.json', { method: 'HEAD' });
      return answer.ok && (answer.headers.get('Content-Type') ?? '').includes('json');
    },
    retry: false,
    staleTime: Infinity,
  });
  if (!probe.data) return null;
  return (
    <>
      {' '}This is the demo: codes are shown in the{' '}
      <Anchor href="/mailbox" target="_blank" rel="noreferrer" size="sm">
        mailbox
      </Anchor>
      .
    </>
  );
}
