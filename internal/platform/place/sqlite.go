package place

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"ringfence/internal/base/disk"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
)

// folder keeps a SQLite file per place: DIR/registry.db, DIR/places/<customer>.db.
type folder struct {
	dir  string
	lock *disk.Held
}

// openFolder takes the folder for this process alone. The kernel lets go of the
// lock when the process ends, however it ends.
func openFolder(dir string) (*folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "places"), 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the data folder %s cannot be made", dir)
	}
	lock, err := disk.Lock(filepath.Join(dir, "lock"))
	if errors.Is(err, disk.ErrHeld) {
		return nil, fault.New(fault.Conflict, "another server is using the data folder %s; stop it first, or give this one a folder of its own", dir)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the data folder %s cannot be written", dir)
	}
	return &folder{dir, lock}, nil
}

func (f *folder) dialect() Dialect { return SQLite }

func (f *folder) where(c id.Customer) string {
	if c.IsZero() {
		return filepath.Join(f.dir, "registry.db")
	}
	return filepath.Join(f.dir, "places", c.String()+".db")
}

func (f *folder) create(_ context.Context, c id.Customer) error { return createFile(f.where(c)) }

// createFile makes an empty file that only we may read; SQLite gives its
// companions (-wal, -shm) the same mode.
func createFile(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close(), syncDir(filepath.Dir(path)))
}

func syncDir(dir string) error { return disk.SyncDir(dir) }

func (f *folder) open(_ context.Context, c id.Customer) (*pool, error) {
	path := f.where(c)
	if _, err := os.Stat(path); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the database of %s is missing; restore it from its last backup", label(c))
	}
	return openFile(path)
}

// openFile opens the two ways into a file; connections are made when needed.
func openFile(path string) (*pool, error) {
	write, err := sql.Open("sqlite", fileDSN(path, "immediate"))
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", fileDSN(path, "deferred", "query_only(1)"))
	if err != nil {
		write.Close()
		return nil, err
	}
	read.SetMaxOpenConns(4)
	read.SetMaxIdleConns(4)
	read.SetConnMaxIdleTime(30 * time.Second)
	return newPool(SQLite, read, write), nil
}

// fileDSN has the pragmas that every connection starts with. synchronous=FULL
// syncs the log at each commit; secure_delete overwrites what is deleted.
func fileDSN(path, lock string, more ...string) string {
	q := url.Values{"_txlock": {lock}, "_pragma": append([]string{
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)",
		"secure_delete(1)", "foreign_keys(1)", "trusted_schema(0)",
	}, more...)}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

func (f *folder) destroy(_ context.Context, c id.Customer) error {
	var errs []error
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(f.where(c) + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, syncDir(filepath.Join(f.dir, "places")))...)
}

// close gives the folder up.
func (f *folder) close() error { return f.lock.Release() }
