import { Alert, Button, Checkbox, FileButton, Group, Modal, PasswordInput, Radio, Select, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent, type ReactNode } from 'react';
import { api, here, must } from '../../api/client';
import { Problem } from '../../api/errors';
import { roleName } from '../../api/roles';
import { Icon } from '../../ui/Icon';
import { Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { topic, type Provider, type Rule, type Settings } from './queries';

const roles = ['user', 'agent', 'supervisor', 'auditor', 'customer_admin', 'superuser'].map((value) => ({ value, label: roleName(value) }));

const empty: Settings = { kind: 'oidc', name: '', enabled: false, newcomers: false, rules: [] };

/** of is what the form shows of a provider; its secret is never among it. */
const of = (p: Provider): Settings => ({
  kind: p.kind, name: p.name, enabled: p.enabled, newcomers: p.newcomers, rules: p.rules, extensions_claim: p.extensions_claim,
  ...(p.kind === 'oidc' ? { issuer: p.issuer, client_id: p.client_id, scopes: p.scopes } : { metadata_url: p.metadata_url }),
});

/** ProviderForm adds a provider, in a dialog. */
export function ProviderForm({ customer, onClose, onSaved }: { customer: string; onClose: () => void; onSaved: (p: Provider) => void }) {
  return (
    <Modal opened onClose={onClose} title="Add an identity provider" centered size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <Fields customer={customer} onSaved={(p) => { onClose(); onSaved(p); }}>
        <Button variant="default" onClick={onClose}>Cancel</Button>
      </Fields>
    </Modal>
  );
}

/** Fields is the form itself; the kind is chosen once. */
export function Fields({ customer, provider, onSaved, children }: { customer: string; provider?: Provider; onSaved: (p: Provider) => void; children?: ReactNode }) {
  const client = useQueryClient();
  const [form, setForm] = useState<Settings>(provider ? of(provider) : empty);
  const save = useMutation({
    mutationFn: () =>
      provider
        ? must(api.PUT('/api/v1/customers/{customer}/identity-providers/{provider}', { params: { path: { customer, provider: provider.id } }, body: form }))
        : must(api.POST('/api/v1/customers/{customer}/identity-providers', { params: { path: { customer } }, body: form })),
    onSuccess: async (p) => {
      toast(provider ? 'Saved.' : `${p.name} is set up. Test it before you switch it on.`);
      await client.invalidateQueries({ queryKey: here(customer, topic) });
      onSaved(p);
    },
  });
  const p = save.error instanceof Problem ? save.error : null;
  const set = (change: Partial<Settings>) => setForm({ ...form, ...change });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack maw={640}>
        {!provider && (
          <Radio.Group label="Protocol" value={form.kind} onChange={(kind) => set({ kind: kind as Settings['kind'] })}>
            <Stack gap={8} mt={8}>
              <Radio value="oidc" label="OpenID Connect" description="Entra ID, Okta, Keycloak, Google Workspace and most others" />
              <Radio value="saml" label="SAML 2.0" description="Where the provider speaks nothing newer" />
            </Stack>
          </Radio.Group>
        )}
        <TextInput label="Name" description="As on the sign-in button" required maxLength={60} value={form.name} error={p?.about('name')} onChange={(e) => set({ name: e.currentTarget.value })} />
        {form.kind === 'oidc' ? <OpenID form={form} set={set} p={p} stored={provider?.secret_set} /> : <Saml form={form} set={set} p={p} provider={provider} />}
        <Rules rules={form.rules ?? []} onChange={(rules) => set({ rules })} p={p} />
        <TextInput label="Extensions claim" description="Claim that holds somebody’s extensions. Empty: they are set here." maxLength={300} value={form.extensions_claim ?? ''} error={p?.about('extensions_claim')} onChange={(e) => set({ extensions_claim: e.currentTarget.value })} />
        <Checkbox label="Newcomers become members" description="Whoever gets a role by a rule and is no member yet is let in." checked={form.newcomers ?? false} error={p?.about('newcomers')} onChange={(e) => set({ newcomers: e.currentTarget.checked })} />
        {provider && <Checkbox label="Switched on" description="Off, it can be tested, and nobody signs in by it." checked={form.enabled ?? false} onChange={(e) => set({ enabled: e.currentTarget.checked })} />}
        {save.error != null && !p?.faults.length && <Failed error={save.error} />}
        <Group justify={provider ? 'flex-start' : 'flex-end'}>
          {children}
          <Button type="submit" loading={save.isPending}>{provider ? 'Save' : 'Set up'}</Button>
        </Group>
      </Stack>
    </form>
  );
}

type Part = { form: Settings; set: (change: Partial<Settings>) => void; p: Problem | null };

function OpenID({ form, set, p, stored }: Part & { stored?: boolean }) {
  return (
    <>
      <TextInput label="Issuer" type="url" required description="Exactly as the provider names itself, to the last stroke" placeholder="https://login.example.com/tenant" value={form.issuer ?? ''} error={p?.about('issuer')} onChange={(e) => set({ issuer: e.currentTarget.value.trim() })} />
      <TextInput label="Client id" required value={form.client_id ?? ''} error={p?.about('client_id')} onChange={(e) => set({ client_id: e.currentTarget.value })} />
      <PasswordInput label="Client secret" autoComplete="off" description={stored ? 'A secret is stored and never shown. Leave empty to keep it.' : 'Stored sealed, and never shown again. Leave empty for a public client.'} value={form.client_secret ?? ''} error={p?.about('client_secret')} onChange={(e) => set({ client_secret: e.currentTarget.value || undefined })} visibilityToggleButtonProps={{ 'aria-label': 'Show the secret' }} />
      <TextInput label="More scopes" description="Beside openid, email and profile; separated by blanks" value={(form.scopes ?? []).join(' ')} error={p?.about('scopes')} onChange={(e) => set({ scopes: e.currentTarget.value.split(' ').filter((s, i, all) => s !== '' || i === all.length - 1).slice(0, 20) })} onBlur={() => set({ scopes: (form.scopes ?? []).filter(Boolean) })} />
    </>
  );
}

function Saml({ form, set, p, provider }: Part & { provider?: Provider }) {
  const [file, setFile] = useState('');
  const read = async (f: File | null) => {
    if (!f) return;
    setFile(f.name);
    set({ metadata: await f.text(), metadata_url: undefined });
  };
  return (
    <>
      <TextInput label="Address of its metadata" type="url" description="Best, where the provider has one: a new certificate is then found by itself." value={form.metadata_url ?? ''} error={p?.about('metadata_url')} onChange={(e) => { setFile(''); set({ metadata_url: e.currentTarget.value.trim() || undefined, metadata: undefined }); }} />
      <Group gap="sm">
        <FileButton onChange={(f) => void read(f)} accept=".xml,application/xml,text/xml,application/samlmetadata+xml">
          {(props) => <Button variant="default" leftSection={<Icon name="into" size={14} />} {...props}>{provider ? 'Upload newer metadata' : 'Or upload the file'}</Button>}
        </FileButton>
        <Text size="sm" c="dimmed">{file}</Text>
      </Group>
      {p?.about('metadata') && <Text size="sm" c="red" role="alert">{p.about('metadata')}</Text>}
    </>
  );
}

/** Rules gives roles by claims; the server reads them at every sign-in. */
function Rules({ rules, onChange, p }: { rules: Rule[]; onChange: (rules: Rule[]) => void; p: Problem | null }) {
  const set = (i: number, change: Partial<Rule>) => onChange(rules.map((r, j) => (i === j ? { ...r, ...change } : r)));
  return (
    <Stack gap="xs" role="group" aria-label="Roles by claims">
      <Text size="sm" fw={500}>Roles by claims</Text>
      <Text size="xs" c="dimmed">Without a rule, administrators give roles here. With rules, they alone decide, at every sign-in; who gets none is out.</Text>
      {rules.map((r, i) => (
        <Group key={i} gap="xs" align="flex-start" wrap="wrap">
          <TextInput aria-label={`Claim of rule ${i + 1}`} placeholder="groups" w={170} value={r.claim} error={p?.about(`rules[${i}].claim`)} onChange={(e) => set(i, { claim: e.currentTarget.value })} />
          <TextInput aria-label={`Value of rule ${i + 1}`} placeholder="value, or *" w={190} value={r.value} error={p?.about(`rules[${i}].value`)} onChange={(e) => set(i, { value: e.currentTarget.value })} />
          <Select aria-label={`Role of rule ${i + 1}`} w={150} data={roles} allowDeselect={false} value={r.role} error={p?.about(`rules[${i}].role`)} onChange={(v) => set(i, { role: (v ?? 'user') as Rule['role'] })} />
          <Button variant="default" aria-label={`Take out rule ${i + 1}`} onClick={() => onChange(rules.filter((_, j) => j !== i))}>Take out</Button>
        </Group>
      ))}
      <Group>
        <Button size="xs" variant="default" leftSection={<Icon name="plus" size={14} />} onClick={() => onChange([...rules, { claim: 'groups', value: '', role: 'user' }])}>Add a rule</Button>
      </Group>
      {rules.some((r) => r.role === 'superuser') && (
        <Alert variant="light" color="yellow" icon={<Icon name="shield" />} styles={{ message: { color: 'var(--mantine-color-text)' } }}>
          Whoever runs the provider then decides who hears every conversation. Whoever saves this gets no playback by it.
        </Alert>
      )}
    </Stack>
  );
}
