package server

import (
	"context"
	"time"

	"ringfence/internal/app/storage"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/backup"
	"ringfence/internal/trust/monitor"
)

// startBackups begins to make backups, where the operator has said where they
// go. A target that does not answer does not keep the server from starting: it
// is reported, and tried again every few minutes.
func (s *Server) startBackups(ctx context.Context) {
	if !s.cfg.Backup.On() {
		return
	}
	s.background(ctx, func(ctx context.Context) {
		b, t := s.openBackups(ctx)
		if b == nil {
			return
		}
		defer t.Close()
		s.backups.Store(b)
		defer s.backups.Store(nil)
		at := backup.Schedule{Drills: s.cfg.Backup.Drills, Report: s.backupFailed, Mended: s.backupMended}
		if clock, err := time.Parse("15:04", s.cfg.Backup.At); err == nil {
			at.Hour, at.Minute = clock.Hour(), clock.Minute()
		}
		b.Loop(ctx, at)
	})
	s.Places.OnCommit(s.watchBackups)
}

// openBackups tries until the targets answer.
func (s *Server) openBackups(ctx context.Context) (*backup.Service, storage.Targets) {
	for wait := 10 * time.Second; ; wait = min(2*wait, 5*time.Minute) {
		b, t, err := storage.NewBackups(ctx, s.cfg, s.Stores, s.log)
		if err == nil {
			s.backupMended(ctx, "target")
			return b, t
		}
		if ctx.Err() != nil {
			return nil, t
		}
		s.log.Error("backup: the targets cannot be opened; no backups are made until they can", "cause", err)
		s.backupFailed(ctx, "target", "the targets cannot be opened: no backups are made until they can", time.Now())
		select {
		case <-ctx.Done():
			return nil, t
		case <-time.After(wait):
		}
	}
}

func (s *Server) backupFailed(ctx context.Context, what, text string, since time.Time) {
	w, err := s.monitor.Installation(ctx)
	if err == nil {
		err = s.monitor.Report(ctx, w, monitor.Condition{Kind: monitor.BackupFailed, Subject: what, Since: since, Facts: map[string]string{"text": text}})
	}
	if err != nil && ctx.Err() == nil {
		s.log.Error("backup: its failure could not be reported", "cause", err)
	}
}

func (s *Server) backupMended(ctx context.Context, what string) {
	w, err := s.monitor.Installation(ctx)
	if err == nil {
		err = s.monitor.Clear(ctx, w, monitor.BackupFailed, what)
	}
	if err != nil && ctx.Err() == nil {
		s.log.Error("backup: the end of its failure could not be reported", "cause", err)
	}
}

// watchBackups tells backups of commits, once they run.
func (s *Server) watchBackups(c place.Commit) {
	if b := s.backups.Load(); b != nil {
		b.Watch(c)
	}
}

// oldestBackup says since when there are backups: objects that they name stay.
// Until the targets have answered everything stays.
func (s *Server) oldestBackup(context.Context) (time.Time, bool) {
	if !s.cfg.Backup.On() {
		return time.Time{}, false
	}
	if b := s.backups.Load(); b != nil {
		return b.Oldest()
	}
	return time.Time{}, true
}
