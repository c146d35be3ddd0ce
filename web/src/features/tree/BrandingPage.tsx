import { Alert, Box, Button, Checkbox, ColorInput, FileInput, Group, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useEffect, useState, type FormEvent } from 'react';
import { api, must } from '../../api/client';
import { Problem } from '../../api/errors';
import type { Brand, NodeBrand } from '../../api/types';
import { Icon } from '../../ui/Icon';
import { Card, Page } from '../../ui/Page';
import { Answered, Failed } from '../../ui/States';
import { toast } from '../../ui/toast';
import { contrast, enough } from './contrast';
import { NodeHead } from './NodeHead';
import { brandingOf, useNodeMay } from './queries';

const route = getRouteApi('/in/n/$node/branding');

export function BrandingPage() {
  const { node } = route.useParams();
  const branding = useQuery(brandingOf(node));
  return (
    <>
      <NodeHead node={node} page="Branding" />
      <Page title="Branding" about="Name, colours and logo, in the portal and in mails. What is left empty comes from the nodes above; all nodes below have it from here.">
        <Answered query={branding} rows={5}>
          {(data) => <Looks key={JSON.stringify(data.own)} node={node} now={data} />}
        </Answered>
      </Page>
    </>
  );
}

function Looks({ node, now }: { node: string; now: NodeBrand }) {
  const client = useQueryClient();
  const may = useNodeMay(node);
  const [form, setForm] = useState({ name: now.own.name, accent: now.own.accent, on_accent: now.own.on_accent, host: now.own.host });
  const [logo, setLogo] = useState<File | null>(null);
  const [noLogo, setNoLogo] = useState(false);
  const [picture, setPicture] = useState('');
  useEffect(() => {
    if (!logo) return setPicture('');
    const reader = new FileReader();
    reader.onload = () => setPicture(String(reader.result));
    reader.readAsDataURL(logo);
  }, [logo]);
  const save = useMutation({
    mutationFn: () =>
      must(api.PUT('/api/v1/nodes/{node}/branding', {
        params: { path: { node } },
        body: {
          name: form.name, accent: form.accent, on_accent: form.on_accent, no_logo: noLogo || undefined,
          host: may('quota.set') ? form.host : undefined, logo: picture ? picture.slice(picture.indexOf(',') + 1) : undefined,
        },
      })),
    onSuccess: () => {
      toast('The branding is set.');
      return Promise.all([client.invalidateQueries({ queryKey: ['node'] }), client.invalidateQueries({ queryKey: ['me'] })]);
    },
  });
  const p = save.error instanceof Problem ? save.error : null;
  const submit = (e: FormEvent) => {
    e.preventDefault();
    save.mutate();
  };
  const seen: Brand = {
    name: form.name || now.shown.name, accent: form.accent || now.shown.accent, on_accent: form.on_accent || now.shown.on_accent,
    logo_url: noLogo ? '' : picture || now.shown.logo_url,
  };
  const ratio = contrast(seen.accent, seen.on_accent);
  const may2 = may('branding.set');
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }}>
      <Card title="Choose">
        <form onSubmit={submit}>
          <Stack>
            <TextInput label="Name" description="Shown instead of the product's name" maxLength={60} value={form.name} onChange={(e) => setForm({ ...form, name: e.currentTarget.value })} error={p?.about('name')} placeholder={now.shown.name} />
            <ColorInput label="Colour" description="Of buttons and of the line at the top" format="hex" value={form.accent} onChange={(v) => setForm({ ...form, accent: v })} error={p?.about('accent')} placeholder={now.shown.accent} eyeDropperButtonProps={{ 'aria-label': 'Pick a colour from the screen' }} />
            <ColorInput label="Text upon it" format="hex" value={form.on_accent} onChange={(v) => setForm({ ...form, on_accent: v })} error={p?.about('on_accent')} placeholder={now.shown.on_accent} eyeDropperButtonProps={{ 'aria-label': 'Pick a colour of text from the screen' }} />
            <FileInput label="Logo" description="PNG or JPEG, at most 256 KiB and 1024 × 1024" accept="image/png,image/jpeg" value={logo} onChange={setLogo} error={p?.about('logo')} clearable clearButtonProps={{ 'aria-label': 'Take no picture' }} placeholder="Choose a picture" leftSection={<Icon name="box" size={16} />} />
            {now.own.logo_url && <Checkbox label="Take the logo away" checked={noLogo} onChange={(e) => setNoLogo(e.currentTarget.checked)} />}
            <TextInput
              label="Host name" description={may('quota.set') ? 'Under which the sign-in page shows this' : 'Set by the organisation above'} maxLength={253} disabled={!may('quota.set')}
              value={form.host} onChange={(e) => setForm({ ...form, host: e.currentTarget.value })} error={p?.about('host')} placeholder="calls.example.com"
            />
            {save.error != null && !p?.faults.length && <Failed error={save.error} />}
            {may2 && (
              <Group>
                <Button type="submit" loading={save.isPending}>Save</Button>
              </Group>
            )}
          </Stack>
        </form>
      </Card>
      <Card title="Preview" about={`Contrast ${Number.isNaN(ratio) ? 'not known' : `${ratio.toFixed(2)} to 1`}; text needs ${enough} to 1.`}>
        {!(ratio >= enough) && (
          <Alert color="red" variant="light" icon={<Icon name="warn" />} mb="md" title="Not everybody can read this" styles={{ message: { color: 'var(--mantine-color-text)' } }}>
            Choose a darker or a lighter one of the two: it will be refused like this.
          </Alert>
        )}
        <Preview brand={seen} readable={ratio >= enough} />
      </Card>
    </SimpleGrid>
  );
}

/** Preview is a page and a button in the chosen colours; unreadable text is not shown to those who could not read it. */
function Preview({ brand, readable }: { brand: Brand; readable: boolean }) {
  return (
    <Box className="card" style={{ borderTop: `4px solid ${brand.accent}`, padding: 20 }}>
      <Group gap={10} mb="md">
        {brand.logo_url && <img src={brand.logo_url} alt="" style={{ height: 28, maxWidth: 160 }} />}
        <Text fw={650}>{brand.name}</Text>
      </Group>
      <Text size="sm" mb="md">Your code to sign in is 1234 5678.</Text>
      <Box component="span" aria-hidden={!readable} style={{ display: 'inline-block', padding: '9px 18px', borderRadius: 8, fontWeight: 600, background: brand.accent, color: readable ? brand.on_accent : 'transparent' }}>
        Sign in
      </Box>
    </Box>
  );
}
