package server

import (
	"time"

	"ringfence/internal/app/storage"
	"ringfence/internal/base/disk"
	"ringfence/internal/base/release"
	"ringfence/internal/edge/httpapi"
)

// installation is what the provider's page says of this server.
func (s *Server) installation() httpapi.Installation {
	r, err := storage.ReadRecord(s.cfg)
	if err != nil {
		s.log.Warn("the record of the installation cannot be read", "cause", err)
	}
	i := httpapi.Installation{
		Release: release.Number(), Commit: release.Commit(), Address: s.URL(), Listen: s.cfg.Listen, StartedAt: s.startedAt,
		InstalledAt: when(r.FinishedAt), Database: s.database(), Objects: s.objects(), KeyCopies: s.Keys.Copies(),
		TLS:     httpapi.InstallationTLS{From: "none", ProvenAt: when(r.TLS.At), Skipped: r.TLS.Skipped},
		Mail:    httpapi.InstallationMail{Server: s.cfg.Mail.SMTP, Skipped: r.Mail.Skipped},
		Folders: s.folders(),
	}
	if r.Mail.What == s.cfg.Mail.SMTP { // another server since was not tried
		i.Mail.ProvenAt = when(r.Mail.At)
	}
	switch {
	case len(s.cfg.TLS.ACME.Hosts) > 0:
		i.TLS.From = "authority"
	case s.cfg.TLS.On():
		i.TLS.From = "files"
	case s.secure():
		i.TLS.From = "proxy"
	}
	if s.certs != nil {
		i.TLS.Until = when(s.certs.Until())
	}
	return i
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// folders are those that the server writes to, with what is free there.
func (s *Server) folders() (all []httpapi.InstallationFolder) {
	for _, f := range []httpapi.InstallationFolder{
		{Use: "data", Path: s.cfg.Data},
		{Use: "objects", Path: s.cfg.FirstObjects().Folder},
		{Use: "second objects", Path: s.cfg.Objects.Second.Folder},
		{Use: "keys", Path: s.cfg.Keys.Store},
		{Use: "second keys", Path: s.cfg.Keys.Mirror},
	} {
		if f.Path == "" {
			continue
		}
		if free, err := disk.Free(f.Path); err == nil {
			f.FreeBytes = &free
		}
		all = append(all, f)
	}
	return all
}
