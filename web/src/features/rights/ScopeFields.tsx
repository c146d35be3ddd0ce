import { Checkbox, Fieldset, NumberInput, Stack, TagsInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { components, Member } from '../../api/types';
import { count } from '../../ui/format';
import { directory } from './queries';

type Scope = components['schemas']['MemberScope'];

/** reach says in a line what of the calls a member's roles come to. */
export function reach(m: Member): string {
  const parts: string[] = [];
  if (m.roles.includes('superuser')) parts.push('everything');
  if ((m.roles.includes('user') || m.roles.includes('agent')) && m.extensions.length > 0) parts.push(m.extensions.join(', '));
  if (m.roles.includes('supervisor')) {
    const s = m.scope;
    if (s.all) parts.push('all calls');
    if (s.queues?.length) parts.push(`queues ${s.queues.join(', ')}`);
    if (s.teams?.length) parts.push(`teams ${s.teams.join(', ')}`);
    if (s.extensions?.length) parts.push(`extensions ${s.extensions.join(', ')}`);
    if (!s.all && !s.queues?.length && !s.teams?.length && !s.extensions?.length) parts.push('no scope yet');
    if (s.max_age_days) parts.push(`not older than ${count(s.max_age_days, 'day')}`);
  }
  return parts.join('; ');
}

/** ScopeFields are what a supervisor sees and hears. */
export function ScopeFields({ customer, scope, set, about }: { customer: string; scope: Scope; set: (s: Scope) => void; about: (field: string) => string | undefined }) {
  const teams = useQuery(directory(customer, { current: true })).data?.teams ?? [];
  return (
    <Fieldset legend="What the supervisor reaches">
      <Stack gap="sm">
        <Checkbox label="All calls" checked={scope.all ?? false} onChange={(e) => set({ ...scope, all: e.currentTarget.checked })} />
        {!scope.all && (
          <>
            <TagsInput label="Queues" description="As the telephone system names them" value={scope.queues ?? []} onChange={(queues) => set({ ...scope, queues })} error={about('queues')} clearable />
            <TagsInput label="Teams" description="Of the directory: calls of a team’s extensions while they were the team’s" data={teams} value={scope.teams ?? []} onChange={(t) => set({ ...scope, teams: t })} error={about('teams')} clearable />
            <TagsInput label="Extensions" description="Whoever had them" value={scope.extensions ?? []} onChange={(extensions) => set({ ...scope, extensions })} error={about('extensions')} clearable splitChars={[',', ' ']} />
          </>
        )}
        <NumberInput label="Not older than, in days" description="0: any age. Holds for own calls too" min={0} max={36500} value={scope.max_age_days ?? 0} onChange={(v) => set({ ...scope, max_age_days: Number(v) || 0 })} error={about('max_age_days')} maw={280} />
      </Stack>
    </Fieldset>
  );
}
