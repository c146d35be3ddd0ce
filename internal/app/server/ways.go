package server

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"time"

	"ringfence/internal/archive/capture"
	"ringfence/internal/archive/intake"
	"ringfence/internal/archive/pickup"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/edge/sftp"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/entry"
	"ringfence/internal/tenancy/org"
)

// buildWays makes the room in which files wait that others brought.
func (s *Server) buildWays() (err error) {
	s.drops, err = intake.Open(intake.Options{
		Store: s.Places, Dir: filepath.Join(s.cfg.Data, "intake"), Bytes: int64(s.cfg.SFTP.WaitingGB) << 30, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.pickups, err = pickup.New(pickup.Options{Store: s.Places, Recordings: s.Recordings, Drops: s.drops, Private: s.cfg.Egress.AllowPrivate, Log: s.log})
	return err
}

// dropOf opens the room of a source for capture.
func (s *Server) dropOf(ctx context.Context, p *place.Place, source id.Source) (capture.Drop, error) {
	d, err := s.drops.Drop(ctx, p, source)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// taking is nil while a source takes files.
func (s *Server) taking(ctx context.Context, p *place.Place, source id.Source) error {
	if err := org.Open(ctx, p); err != nil {
		return err
	}
	src, err := s.Recordings.Source(ctx, p, source)
	switch {
	case err != nil:
		return err
	case src.Kind != recording.Drop:
		return fault.New(fault.Denied, "files of this source are not pushed")
	case src.State == "paused":
		return fault.New(fault.Unavailable, "this source is paused; an administrator of the archive can let it go on")
	}
	return p.View(ctx, func(tx *place.Tx) error {
		leaves, err := s.Recordings.Leaves(tx)
		if err == nil && leaves {
			err = recording.ErrLeaves
		}
		return err
	})
}

// startWays takes files by SFTP, where the operator has given it an address.
func (s *Server) startWays(ctx context.Context) error {
	s.background(ctx, s.sweepDrops)
	if err := s.pickups.Start(ctx); err != nil {
		return err
	}
	s.stops = append(s.stops, s.pickups.Stop)
	if s.cfg.SFTP.Listen == "" {
		return nil
	}
	l, err := net.Listen("tcp", s.cfg.SFTP.Listen)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "sftp.listen: cannot listen on %s: is another program using the port?", s.cfg.SFTP.Listen)
	}
	s.sftpAddress = l.Addr().String()
	go func() {
		if err := s.sftp.Serve(l); err != nil {
			s.log.Error("the SFTP server stopped listening", "cause", err)
		}
	}()
	s.stops = append(s.stops, s.sftp.Stop)
	return nil
}

// buildSFTP makes the SFTP server, known by its keys from here on.
func (s *Server) buildSFTP(ctx context.Context) error {
	if s.cfg.SFTP.Listen == "" {
		return nil
	}
	keys, err := sftp.HostKeys(ctx, s.Places, filepath.Join(s.cfg.Data, "sftp", "host.key"))
	if err != nil {
		return err
	}
	s.sftp = sftp.New(sftp.Options{
		Drops: s.drops, Store: s.Places, Log: s.log, Active: s.taking, Sessions: s.cfg.SFTP.Sessions,
		Admits:  func(tx *place.Tx, from string) (bool, error) { return entry.AdmitsText(tx, entry.Collectors, from) },
		Refused: s.turnedAway,
	}, keys)
	return nil
}

// sftpAt is the SFTP server's address as the outside reaches it.
func (s *Server) sftpAt() string {
	switch {
	case s.cfg.SFTP.Listen == "":
		return ""
	case s.cfg.SFTP.Address != "":
		return s.cfg.SFTP.Address
	case s.sftpAddress != "":
		return s.sftpAddress
	}
	return s.cfg.SFTP.Listen
}

// sweepDrops ends the rooms of sources that were removed, and hands over what
// waits for nobody, once an hour.
func (s *Server) sweepDrops(ctx context.Context) {
	again := time.NewTicker(time.Hour)
	defer again.Stop()
	for {
		customers, err := s.Places.Customers(ctx)
		for _, c := range customers {
			err = errors.Join(err, s.sweepDropsOf(ctx, c))
		}
		if err != nil && ctx.Err() == nil {
			s.log.Warn("what waits for sources could not be looked through", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

func (s *Server) sweepDropsOf(ctx context.Context, c id.Customer) error {
	known := s.drops.Known(c)
	if len(known) == 0 || ctx.Err() != nil {
		return nil
	}
	p, err := s.Places.Place(ctx, c)
	if err != nil {
		return err
	}
	for _, i := range known {
		if _, gone := s.Recordings.Source(ctx, p, i); fault.Is(gone, fault.NotFound) {
			err = errors.Join(err, s.drops.Withdraw(ctx, p, actor.ForSystem("intake"), i))
			continue
		}
		d, derr := s.drops.Drop(ctx, p, i)
		if derr == nil {
			derr = d.Sweep(time.Now())
		}
		err = errors.Join(err, derr)
	}
	return err
}
