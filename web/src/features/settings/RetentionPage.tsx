import { Alert, Button, Group, NumberInput, Radio, Space, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, must } from '../../api/client';
import { Problem } from '../../api/errors';
import type { Retention } from '../../api/types';
import { count, moment } from '../../ui/format';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { Answered, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { LabelsCard } from '../labels/LabelsCard';
import { rules } from '../retention/data';
import { RulesCard } from '../retention/RulesCard';
import { retention, usage } from './queries';

export function RetentionPage() {
  const { customer } = useParams({ from: '/in/c/$customer' });
  const query = useQuery(retention(customer));
  const policy = useQuery(rules(customer));
  return (
    <Page title="Retention" about="How long recordings are kept, counted from the call. What is due is destroyed each night: its keys are erased, and nobody can open it again.">
      <Answered query={query} rows={3}>
        {(data) => data.chosen_at ? (
          <Answered query={policy} rows={4}>{(p) => <RulesCard key={`${p.version} ${p.pending?.approval_id}`} customer={customer} data={p} />}</Answered>
        ) : <Choice customer={customer} now={data} />}
      </Answered>
      <Space h="md" />
      <LabelsCard customer={customer} />
    </Page>
  );
}

const usual = [30, 90, 180, 365];

function Choice({ customer, now }: { customer: string; now: Retention }) {
  const client = useQueryClient();
  const stored = useQuery(usage(customer)).data;
  const chosen = now.forever || now.days !== null;
  const [kind, setKind] = useState(now.forever ? 'forever' : now.days === null ? '' : usual.includes(now.days) ? String(now.days) : 'other');
  const [other, setOther] = useState<number | string>(now.days ?? 730);
  const days = kind === 'forever' || kind === '' ? null : kind === 'other' ? Number(other) : Number(kind);
  const save = useMutation({
    mutationFn: () => must(api.PUT('/api/v1/customers/{customer}/retention', { params: { path: { customer } }, body: { days, forever: kind === 'forever' } })),
    onSuccess: () => {
      toast('The retention is set.');
      return client.invalidateQueries({ predicate: (q) => q.queryKey[1] === customer });
    },
  });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  const shorter = days !== null && chosen && (now.forever || days < (now.days ?? 0));
  const p = save.error instanceof Problem ? save.error : null;
  return (
    <Card>
      <form onSubmit={submit}>
        <Stack maw={560}>
          {chosen && <Text size="sm" c="dimmed">Set {now.chosen_by && `by ${now.chosen_by}`} {now.chosen_at && `on ${moment(now.chosen_at)}`}.</Text>}
          <Radio.Group label="Keep recordings for" value={kind} onChange={setKind}>
            <Stack gap={8} mt={8}>
              {usual.map((d) => (
                <Radio key={d} value={String(d)} label={d === 365 ? 'One year' : count(d, 'day')} />
              ))}
              <Radio value="other" label="Another number of days" />
              {kind === 'other' && <NumberInput aria-label="Days" value={other} onChange={setOther} min={1} max={36500} w={140} ml={28} suffix=" days" error={p?.about('days')} />}
              <Radio value="forever" label="Without end" description="Choose this only if you have a reason to keep personal data for ever." />
            </Stack>
          </Radio.Group>
          {shorter && (
            <Alert color="yellow" variant="light" icon={<Icon name="warn" />} title="Shorter than now" styles={{ message: { color: 'var(--mantine-color-text)' } }}>
              Recordings older than {count(days, 'day')} are destroyed in the coming night, for ever
              {stored !== undefined && `; there are ${count(stored.recordings, 'recording')} now`}. Files at their source are not touched, and never captured again.
            </Alert>
          )}
          {save.error != null && !p?.about('days') && <Failed error={save.error} />}
          <Group>
            <Button type="submit" loading={save.isPending} disabled={kind === '' || (days !== null && !(days >= 1))}>
              {chosen ? 'Change' : 'Set and start capturing'}
            </Button>
          </Group>
        </Stack>
      </form>
    </Card>
  );
}
