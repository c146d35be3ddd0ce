package app

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"ringfence/internal/app/config"
	"ringfence/internal/base/disk"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/release"
	"ringfence/internal/edge/httpapi"
)

// record is what is known of how this server was installed. It lies in the data
// folder, holds neither secrets nor personal data, and proves nothing: it keeps
// `ringfence init` from doing twice what was done, and tells the operator since
// when mail and TLS are known to work.
type record struct {
	FinishedAt time.Time `json:"finished_at,omitzero"` // zero: init was interrupted
	Release    string    `json:"release,omitempty"`    // that finished it
	Mail       proof     `json:"mail,omitzero"`
	TLS        proof     `json:"tls,omitzero"`
}

// proof is that something was tried, and worked.
type proof struct {
	At      time.Time `json:"at,omitzero"`       // zero: not proven
	What    string    `json:"what,omitempty"`    // the mail server, or the name in the certificate
	Until   time.Time `json:"until,omitzero"`    // when the certificate ends
	Skipped string    `json:"skipped,omitempty"` // reason of the operator
}

func recordFile(c config.Config) string { return filepath.Join(c.Data, "installation.json") }

// readRecord reads the record; none is an empty one. One that cannot be read is
// as good as none, as all that it saves is work.
func readRecord(c config.Config) (r record, err error) {
	b, err := os.ReadFile(recordFile(c))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, fault.Wrap(err, fault.Unavailable, "%s cannot be read: does it belong to another user?", recordFile(c))
	}
	if json.Unmarshal(b, &r) != nil {
		return record{}, nil
	}
	return r, nil
}

func (r record) write(c config.Config) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the data folder %s cannot be made", c.Data)
	}
	return writeWhole(recordFile(c), append(b, '\n'), 0o600)
}

// writeWhole puts a file in place in one step: whoever reads it, also after a
// crash, finds the old one or the new one.
func writeWhole(path string, text []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "%s cannot be written", path)
	}
	defer os.Remove(f.Name()) // after the renaming there is nothing to remove
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		err = disk.SyncDir(filepath.Dir(path))
	}
	return fault.Wrap(err, fault.Unavailable, "%s cannot be written", path)
}

// installation is what the provider's page says of this server.
func (s *server) installation() httpapi.Installation {
	r, err := readRecord(s.cfg)
	if err != nil {
		s.log.Warn("the record of the installation cannot be read", "cause", err)
	}
	i := httpapi.Installation{
		Release: release.Number(), Commit: release.Commit(), Address: s.url(), Listen: s.cfg.Listen, StartedAt: s.startedAt,
		InstalledAt: when(r.FinishedAt), Database: s.database(), Objects: describe(s.cfg.Objects.First), KeyCopies: s.keys.Copies(),
		TLS:     httpapi.InstallationTLS{From: "none", ProvenAt: when(r.TLS.At), Skipped: r.TLS.Skipped},
		Mail:    httpapi.InstallationMail{Server: s.cfg.Mail.SMTP, Skipped: r.Mail.Skipped},
		Folders: s.folders(),
	}
	if r.Mail.What == s.cfg.Mail.SMTP { // another server since was not tried
		i.Mail.ProvenAt = when(r.Mail.At)
	}
	if s.cfg.Objects.Second != (config.Bucket{}) {
		i.Objects += " and " + describe(s.cfg.Objects.Second)
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
		i.TLS.Until = when(s.certs.until())
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
func (s *server) folders() (all []httpapi.InstallationFolder) {
	objects := s.cfg.Objects
	if objects.First == (config.Bucket{}) {
		objects.First.Folder = filepath.Join(s.cfg.Data, "objects")
	}
	for _, f := range []httpapi.InstallationFolder{
		{Use: "data", Path: s.cfg.Data},
		{Use: "objects", Path: objects.First.Folder},
		{Use: "second objects", Path: objects.Second.Folder},
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
