import { Anchor, Button, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { api, must } from '../../api/client';
import { Failed } from '../../ui/States';
import { Entrance } from './Entrance';

/** ForgottenPage asks for a link. It says the same whether or not there is such a person. */
export function ForgottenPage() {
  const [email, setEmail] = useState('');
  const ask = useMutation({ mutationFn: () => must(api.POST('/api/v1/forgotten', { body: { email: email.trim() } })) });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    ask.mutate();
  };
  if (ask.isSuccess) {
    return (
      <Entrance title="Look into your mail">
        <Stack>
          <Text size="sm">
            If <b>{email.trim()}</b> has an account here, a link to set a new password is on its way. It works once, for half an hour.
          </Text>
          <Anchor component={Link} to="/sign-in" size="sm">Back to the sign-in</Anchor>
        </Stack>
      </Entrance>
    );
  }
  return (
    <Entrance title="Forgotten your password?" about="We mail you a link that sets a new one. Your second factor stays as it is.">
      <form onSubmit={submit}>
        <Stack>
          <TextInput label="E-mail" type="email" autoComplete="username" required withAsterisk={false} autoFocus value={email} onChange={(e) => setEmail(e.currentTarget.value)} />
          {ask.error != null && <Failed error={ask.error} />}
          <Button type="submit" loading={ask.isPending}>Mail me a link</Button>
          <Anchor component={Link} to="/sign-in" size="sm">Back to the sign-in</Anchor>
        </Stack>
      </form>
    </Entrance>
  );
}
