import { Alert, Anchor, Button, Group, Modal, PasswordInput, SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { api, must } from '../api/client';
import { Problem, sentence } from '../api/errors';
import { left, possible, show } from '../api/passkey';
import { onStepUp, type Asked } from '../api/stepup';
import { Icon } from './Icon';
import { Answered, Failed } from './States';

type Way = 'passkey' | 'totp' | 'recovery' | 'mail';
const labels: Record<Way, string> = { passkey: 'Passkey', totp: 'App', recovery: 'Recovery code', mail: 'Mailed code' };

/** StepUp is the dialog in which somebody shows a factor before a dangerous act; what was asked for is then repeated by itself. */
export function StepUp() {
  const [asked, setAsked] = useState<Asked | null>(null);
  const answer = useRef<(shown: boolean) => void>(() => {});
  useEffect(() => {
    onStepUp((what) => new Promise((resolve) => {
      answer.current = resolve;
      setAsked(what);
    }));
    return () => onStepUp(null);
  }, []);
  const end = (shown: boolean) => {
    setAsked(null);
    answer.current(shown);
  };
  return (
    <Modal opened={asked !== null} onClose={() => end(false)} title="Show that it is you" centered closeButtonProps={{ 'aria-label': 'Close' }} zIndex={400}>
      {asked && <Ways asked={asked} done={() => end(true)} cancel={() => end(false)} />}
    </Modal>
  );
}

function Ways({ asked, done, cancel }: { asked: Asked; done: () => void; cancel: () => void }) {
  const ways = useQuery({ queryKey: ['me', 'step-up'], queryFn: () => must(api.GET('/api/v1/me/step-up')), staleTime: 0, gcTime: 0 });
  return (
    <Stack>
      <Text size="sm">{sentence(asked.text)}</Text>
      <Answered query={ways} rows={2}>
        {(data) => {
          const usable = data.methods.filter((m) => (asked.needs.length === 0 || asked.needs.includes(m)) && (m !== 'passkey' || possible())) as Way[];
          const here = asked.needs.includes('sso') ? /^\/c\/([^/]+)/.exec(location.pathname)?.[1] : undefined;
          return (
            <>
              {here && <Elsewhere customer={here} />}
              {usable.length > 0 && <Choice ways={usable} password={data.password} done={done} cancel={cancel} />}
              {usable.length === 0 && !here && <Nothing needs={asked.needs} cancel={cancel} />}
            </>
          );
        }}
      </Answered>
    </Stack>
  );
}

/** Nothing says what to set up where what is asked for is not there yet. */
function Nothing({ needs, cancel }: { needs: string[]; cancel: () => void }) {
  const what = needs.includes('totp') ? 'an authenticator app or a passkey' : 'a passkey';
  return (
    <Alert variant="light" color="yellow" icon={<Icon name="key" />} styles={{ message: { color: 'var(--mantine-color-text)' } }}>
      You have not set up {what} yet. <Anchor href="/account" onClick={cancel} size="sm">Do it under “Your account”</Anchor>, then come back.
    </Alert>
  );
}

/** Elsewhere sends to the organisation's own identity provider and comes back to this page. */
function Elsewhere({ customer }: { customer: string }) {
  const choices = useQuery({ queryKey: ['sso', customer], queryFn: () => must(api.GET('/api/v1/sign-in/sso/{customer}', { params: { path: { customer } } })) });
  const go = useMutation({
    mutationFn: (provider: string) => must(api.POST('/api/v1/sign-in/sso/start', { body: { customer_id: customer, provider_id: provider, next: location.pathname + location.search, renew: true } })),
    onSuccess: ({ url }) => location.assign(url),
  });
  return (
    <Answered query={choices} rows={1}>
      {(data) => (
        <Stack gap="xs">
          {data.providers.map((p) => (
            <Button key={p.provider_id} variant="default" leftSection={<Icon name="outof" size={16} />} loading={go.isPending} onClick={() => go.mutate(p.provider_id)}>
              Sign in with {p.name}
            </Button>
          ))}
          {go.error != null && <Failed error={go.error} />}
        </Stack>
      )}
    </Answered>
  );
}

function Choice({ ways, password, done, cancel }: { ways: Way[]; password: boolean; done: () => void; cancel: () => void }) {
  const [way, setWay] = useState<Way>(ways[0]!);
  return (
    <Stack>
      {ways.length > 1 && (
        <SegmentedControl aria-label="How" value={way} onChange={(v) => setWay(v as Way)} data={ways.map((w) => ({ value: w, label: labels[w] }))} fullWidth />
      )}
      {way === 'passkey' ? <Passkey done={done} cancel={cancel} /> : <Code key={way} way={way} password={password} done={done} cancel={cancel} />}
    </Stack>
  );
}

function Passkey({ done, cancel }: { done: () => void; cancel: () => void }) {
  const enter = useMutation({
    mutationFn: async () => {
      const asked = await must(api.POST('/api/v1/me/step-up/passkey'));
      await must(api.POST('/api/v1/me/step-up', { body: { method: 'passkey', credential: await show(asked.publicKey) } }));
    },
    onSuccess: done,
  });
  return (
    <>
      {enter.error != null && !left(enter.error) && <Failed error={enter.error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={cancel}>Cancel</Button>
        <Button data-autofocus loading={enter.isPending} onClick={() => enter.mutate()} leftSection={<Icon name="key" size={16} />}>Use your passkey</Button>
      </Group>
    </>
  );
}

function Code({ way, password, done, cancel }: { way: Exclude<Way, 'passkey'>; password: boolean; done: () => void; cancel: () => void }) {
  const [secret, setSecret] = useState('');
  const [code, setCode] = useState('');
  const [mailedTo, setMailedTo] = useState('');
  const mail = useMutation({
    mutationFn: () => must(api.POST('/api/v1/me/step-up/mail', { body: { password: secret } })),
    onSuccess: (step) => setMailedTo(step.mailed_to),
  });
  const enter = useMutation({
    mutationFn: () => must(api.POST('/api/v1/me/step-up', { body: { method: way, code, password: password && way !== 'mail' ? secret : undefined } })),
    onSuccess: done,
  });
  const first = way === 'mail' && mailedTo === '';
  const submit = (e: FormEvent) => {
    e.preventDefault();
    e.stopPropagation();
    if (first) mail.mutate();
    else enter.mutate();
  };
  const wrong = (first ? mail.error : enter.error) instanceof Problem ? ((first ? mail.error : enter.error) as Problem) : null;
  const shown = wrong && (wrong.about('password') || wrong.about('code'));
  return (
    <form onSubmit={submit}>
      <Stack>
        {(first || (password && way !== 'mail')) && (
          <PasswordInput label="Password" autoComplete="current-password" required withAsterisk={false} data-autofocus value={secret} onChange={(e) => setSecret(e.currentTarget.value)} error={wrong?.about('password')} visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }} />
        )}
        {mailedTo && <Text size="sm" c="dimmed">We sent a code of eight digits to <b>{mailedTo}</b>.</Text>}
        {!first && (
          <TextInput label={way === 'totp' ? 'Code of your authenticator app' : way === 'recovery' ? 'One of your recovery codes' : 'Code'} inputMode={way === 'recovery' ? 'text' : 'numeric'} autoComplete="one-time-code" required withAsterisk={false} data-autofocus={!password || undefined} value={code} onChange={(e) => setCode(e.currentTarget.value)} error={wrong?.about('code')} maxLength={64} />
        )}
        {wrong && !shown && <Failed error={wrong} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={cancel}>Cancel</Button>
          <Button type="submit" loading={mail.isPending || enter.isPending}>{first ? 'Mail me a code' : 'Go on'}</Button>
        </Group>
      </Stack>
    </form>
  );
}
