import { Anchor, type AnchorProps } from '@mantine/core';
import { createLink } from '@tanstack/react-router';
import type { AnchorHTMLAttributes } from 'react';

type Props = AnchorProps & Omit<AnchorHTMLAttributes<HTMLAnchorElement>, keyof AnchorProps | 'href'>;

/** LinkAnchor is a link of the portal whose address, parameters and search the compiler checks. */
export const LinkAnchor = createLink((props: Props) => <Anchor {...props} />);
