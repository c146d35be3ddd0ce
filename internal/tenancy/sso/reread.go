package sso

import (
	"bytes"
	"context"
	"slices"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/sso/saml"
	"ringfence/internal/tenancy/sso/vouch"
)

// rereadEvery bounds how often strangers' responses make us ask a provider.
const rereadEvery = 5 * time.Minute

// reread fetches a provider's metadata where it publishes them, as it changes
// its certificate, and keeps what is new. Another entity id is another
// provider: it is refused, not followed.
func (s *Service) reread(ctx context.Context, p *place.Place, one *Provider) (changed bool, err error) {
	if !s.mayReread(one.ID) {
		return false, nil
	}
	raw, err := s.fetch(ctx, p, *one)
	if err != nil {
		return false, s.failed(ctx, p, *one, err)
	}
	peer, err := saml.ReadMetadata(raw)
	if err != nil {
		return false, s.failed(ctx, p, *one, err)
	}
	if peer.EntityID != one.Peer.EntityID {
		return false, s.failed(ctx, p, *one, vouch.Fail(vouch.Issuer, "its metadata name %q now, and it was set up as %q", peer.EntityID, one.Peer.EntityID))
	}
	if peer.SignOn == one.Peer.SignOn && slices.EqualFunc(peer.Signers, one.Peer.Signers, bytes.Equal) {
		return false, nil
	}
	err = p.Change(ctx, itself, func(tx *place.Tx) error {
		now, err := providerIn(tx, one.ID)
		if err != nil {
			return err
		}
		now.Peer = peer
		*one = now
		return write(tx, "idp.metadata-read", one, now.changedBy)
	})
	return err == nil, err
}

func (s *Service) mayReread(i id.Provider) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if now.Sub(s.reads[i]) < rereadEvery {
		return false
	}
	s.reads[i] = now
	return true
}
