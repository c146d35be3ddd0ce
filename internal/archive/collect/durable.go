package collect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"ringfence/internal/base/disk"
)

// The box's disk is the same that the telephone system records to. What is
// written here either stands there whole after a power cut or not at all:
// a temporary file, its fsync, a rename, the folder's fsync.

// writeDurably puts b at path, readable by the owner only.
func writeDurably(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return disk.Replace(f.Name(), path)
}

func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return writeDurably(path, append(b, '\n'))
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s is damaged: %w", path, err)
	}
	return nil
}

// lock keeps a second collector off the same folder. The system drops the lock
// with the process, also after kill -9.
func lock(path string) (*disk.Held, error) {
	held, err := disk.Lock(path)
	if errors.Is(err, disk.ErrHeld) {
		return nil, fmt.Errorf("another collector uses %s; stop it, or give this one a --state folder of its own", filepath.Dir(path))
	}
	return held, err
}

// decode reads JSON and refuses fields that it does not know: what both ends
// sign must mean the same to both.
func decode(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.More() {
		return errors.New("more than one JSON value")
	}
	return nil
}
