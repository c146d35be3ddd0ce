import { Alert, Badge, Button, Group, List, Select, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { Problem } from '../../api/errors';
import { roleName } from '../../api/roles';
import type { components } from '../../api/types';
import { Icon } from '../../ui/Icon';
import { Card } from '../../ui/Page';
import { Failed } from '../../ui/States';

type Answer = components['schemas']['Why'];

/** Question is what is asked; `recording` is empty where none is meant. */
export type Question = { person: string; act: string; recording: string };

type Props = {
  people: { id: string; name: string; email: string }[];
  acts: components['schemas']['PermissionLine'][];
  first: string;
  recordings?: boolean;
  ask: (q: Question) => Promise<Answer>;
};

/** Why asks why somebody may, or may not, do an act, and shows what each of their roles says to it. */
export function Why({ people, acts, first, recordings, ask: asked }: Props) {
  const [form, setForm] = useState({ person: null as string | null, act: first as string | null, recording: '' });
  const ask = useMutation({ mutationFn: () => asked({ person: form.person ?? '', act: form.act ?? '', recording: form.recording.trim() }) });
  const p = ask.error instanceof Problem ? ask.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    ask.mutate();
  };
  return (
    <Card title="Why?" about="To everybody whom it does not concern, what is forbidden looks like what does not exist. You can ask what is behind it.">
      <form onSubmit={submit}>
        <Group align="flex-end" gap="sm">
          <Select label="Person" searchable required style={{ flex: '1 1 220px' }} data={people.map((m) => ({ value: m.id, label: `${m.name} (${m.email})` }))} value={form.person} onChange={(person) => setForm({ ...form, person })} error={p?.about('query.person')} />
          <Select label="Act" searchable required style={{ flex: '1 1 220px' }} data={acts.map((a) => ({ value: a.act, label: a.meaning }))} value={form.act} onChange={(act) => setForm({ ...form, act })} error={p?.about('query.act')} />
          {recordings && <TextInput label="Recording" placeholder="rec_… or empty" style={{ flex: '1 1 200px' }} value={form.recording} onChange={(e) => setForm({ ...form, recording: e.currentTarget.value })} />}
          <Button type="submit" loading={ask.isPending} disabled={!form.person || !form.act}>Ask</Button>
        </Group>
      </form>
      {ask.error != null && !p?.faults.length && <Failed error={ask.error} />}
      {ask.data && <Because why={ask.data} />}
    </Card>
  );
}

function Because({ why }: { why: Answer }) {
  return (
    <Alert mt="md" role="status" color={why.allowed ? 'pine' : 'red'} variant="light" icon={<Icon name={why.allowed ? 'check' : 'lock'} />} title={`${why.person} ${why.allowed ? 'may' : 'may not'} ${why.meaning}`} styles={{ message: { color: 'var(--mantine-color-text)' } }}>
      {why.findings.length === 0 && <Text size="sm">Holds no role here.</Text>}
      <List size="sm" spacing={4}>
        {why.findings.map((f, i) => (
          <List.Item key={i}>
            <Badge mr={6} color={f.allowed ? 'pine' : 'gray'}>{roleName(f.role)}</Badge>
            {f.text}
          </List.Item>
        ))}
      </List>
      {!why.allowed && <Text size="sm" mt="xs">{why.missing.length > 0 ? `Any of these roles would allow it: ${why.missing.map(roleName).join(', ')}.` : 'No role that can be had here allows it.'}</Text>}
    </Alert>
  );
}
