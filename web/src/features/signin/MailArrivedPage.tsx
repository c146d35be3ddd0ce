import { Button, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, must } from '../../api/client';
import { Empty, Failed } from '../../ui/States';
import { Entrance } from './Entrance';

/** MailArrivedPage follows the link of a test mail. A press is asked for: programs that look at links in mails open them too. */
export function MailArrivedPage() {
  const [token] = useState(() => new URLSearchParams(location.hash.slice(1)).get('token') ?? '');
  const confirm = useMutation({ mutationFn: () => must(api.POST('/api/v1/mail-confirmations', { body: { token } })) });
  if (!token) {
    return (
      <Entrance title="Test mail">
        <Text size="sm">This link is not whole. Open it again from the mail.</Text>
      </Entrance>
    );
  }
  if (confirm.isSuccess) {
    return (
      <Entrance title="Test mail">
        <Empty icon="check" title="The mail arrived">The checklist knows. You can close this page.</Empty>
      </Entrance>
    );
  }
  return (
    <Entrance title="Test mail" about="You asked for this mail to see whether mails arrive.">
      {confirm.error != null && <Failed error={confirm.error} />}
      <Button mt="sm" fullWidth loading={confirm.isPending} onClick={() => confirm.mutate()}>It arrived</Button>
    </Entrance>
  );
}
