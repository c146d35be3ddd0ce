package storage

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
)

// Record is what is known of how this server was installed. It lies in the data
// folder, holds neither secrets nor personal data, and proves nothing: it keeps
// `ringfence init` from doing twice what was done, and tells the operator since
// when mail and TLS are known to work.
type Record struct {
	FinishedAt time.Time `json:"finished_at,omitzero"` // zero: init was interrupted
	Release    string    `json:"release,omitempty"`    // that finished it
	Mail       Proof     `json:"mail,omitzero"`
	TLS        Proof     `json:"tls,omitzero"`
}

// Proof is that something was tried, and worked.
type Proof struct {
	At      time.Time `json:"at,omitzero"`       // zero: not proven
	What    string    `json:"what,omitempty"`    // the mail server, or the name in the certificate
	Until   time.Time `json:"until,omitzero"`    // when the certificate ends
	Skipped string    `json:"skipped,omitempty"` // reason of the operator
}

func recordFile(c config.Config) string { return filepath.Join(c.Data, "installation.json") }

// ReadRecord reads the record; none is an empty one. One that cannot be read is
// as good as none, as all that it saves is work.
func ReadRecord(c config.Config) (r Record, err error) {
	b, err := os.ReadFile(recordFile(c))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, fault.Wrap(err, fault.Unavailable, "%s cannot be read: does it belong to another user?", recordFile(c))
	}
	if json.Unmarshal(b, &r) != nil {
		return Record{}, nil
	}
	return r, nil
}

// Write replaces the record in one step.
func (r Record) Write(c config.Config) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the data folder %s cannot be made", c.Data)
	}
	return WriteWhole(recordFile(c), append(b, '\n'), 0o600)
}

// WriteWhole puts a file in place in one step: whoever reads it, also after a
// crash, finds the old one or the new one.
func WriteWhole(path string, text []byte, mode fs.FileMode) error {
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
