package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ringfence/internal/app/config"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/release"
	"ringfence/internal/insight/search"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/org"
	"ringfence/internal/trust/backup"
)

// LogFolder is where changes are logged: on a disk of its own, or in the data
// folder, from where they are sent each minute.
func LogFolder(c config.Config) string {
	if c.Backup.Log != "" {
		return c.Backup.Log
	}
	return filepath.Join(c.Data, "log")
}

// OpenLedger opens the log that changes are written to before they are
// acknowledged; nil where none is wanted. A folder that is not there is begun
// by a set-up only: later it is a disk that is not mounted.
func OpenLedger(c config.Config, setUp bool) (*backup.Ledger, error) {
	if !c.Backup.Logged() {
		return nil, nil
	}
	key, err := backup.LoadKey(c.Backup.Key)
	if err != nil {
		return nil, err
	}
	return backup.OpenLedger(LogFolder(c), key, setUp || c.Backup.Log == "")
}

// StateFile says that a restore into the data folder was begun and not ended.
func StateFile(c config.Config) string { return filepath.Join(c.Data, "restore.json") }

// WholeInstallation refuses data that a restore has not finished.
func WholeInstallation(c config.Config) error {
	_, err := os.Stat(StateFile(c))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the data folder %s cannot be read", c.Data)
	}
	return fault.New(fault.Unavailable, "a restore into %s was begun and not ended: run `ringfence restore` again, it goes on where it was", c.Data)
}

// Targets are the places that backups go to.
type Targets struct {
	key        backup.Key
	Data, Keys *backup.Repo
}

// OpenTargets opens both; begin makes them if they are empty.
func OpenTargets(ctx context.Context, c config.Config, begin bool) (t Targets, err error) {
	if t.key, err = backup.LoadKey(c.Backup.Key); err != nil {
		return t, err
	}
	if root, err := keyring.LoadRoot(c.Keys.Root); err == nil && t.key.IsRoot(root) {
		return t, fault.Field("backup.key", "is the root key: whoever finds a backup with its key could open everything; make a key of its own with `ringfence backup key`")
	}
	if t.Data, err = openTarget(ctx, "backup.data", c.Backup.Data, t.key, "data", c.Backup.Rate, begin); err != nil {
		return t, err
	}
	if c.Backup.Keys != (config.Target{}) {
		if t.Keys, err = openTarget(ctx, "backup.keys", c.Backup.Keys, t.key, "keys", c.Backup.Rate, begin); err != nil {
			t.Close()
			return t, err
		}
	}
	return t, nil
}

// Close closes those that are open.
func (t Targets) Close() {
	for _, r := range []*backup.Repo{t.Data, t.Keys} {
		if r != nil {
			r.Close()
		}
	}
}

func openTarget(ctx context.Context, path string, at config.Target, k backup.Key, what string, rate int, begin bool) (*backup.Repo, error) {
	var b blob.Bucket
	var err error
	if at.SFTP != "" {
		private, err := SecretFile(path+".secret_file", at.SecretFile)
		if err == nil {
			b, err = blob.Open(ctx, blob.Config{SFTP: &blob.SFTP{Address: at.SFTP, HostKey: at.SFTPHostKey, Key: private}})
		}
		if err != nil {
			return nil, err
		}
	} else if b, err = openBucket(ctx, path, at.Bucket(), begin); err != nil {
		return nil, err
	}
	r, err := backup.OpenRepo(ctx, b, k, what, int64(rate)<<20, begin)
	if err != nil {
		b.Close()
		return nil, fault.Wrap(err, fault.KindOf(err), "%s: %s", path, fault.Of(err).Text)
	}
	return r, nil
}

// proves opens recordings of restored places.
type proves struct{ s *recording.Service }

func (p proves) Purge(ctx context.Context, at *place.Place, dead []keyring.Buried) (backup.Purged, error) {
	return Purge(ctx, p.s, at, dead)
}

func (p proves) Sample(ctx context.Context, live, restored *place.Place, keys *keyring.Keyring, objects blob.Bucket, n int) (backup.Sampled, error) {
	got, err := p.s.Prove(ctx, live, restored, keys, objects, n)
	return backup.Sampled{Opened: got.Opened, Of: got.Of, Failed: got.Failed}, err
}

// Prover is a recording service for places that are being restored.
func Prover(store *place.Store, keys *keyring.Keyring, objects blob.Bucket) proves {
	s := recording.New(recording.Options{Store: store, Keys: keys, Objects: objects})
	s.OnDestroy(search.Remove)
	return proves{s}
}

// NewBackups builds the service on open stores. The caller closes the targets.
func NewBackups(ctx context.Context, c config.Config, st *Stores, log *slog.Logger) (*backup.Service, Targets, error) {
	tools := place.Tools{Dir: c.Backup.PostgresTools}
	if st.Places.NeedsTools() {
		if err := tools.Check(); err != nil {
			return nil, Targets{}, err
		}
	}
	t, err := OpenTargets(ctx, c, true)
	if err != nil {
		return nil, t, err
	}
	scratch := c.Backup.Scratch
	if scratch == "" {
		scratch = filepath.Join(c.Data, "scratch")
	}
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		t.Close()
		return nil, t, fault.Wrap(err, fault.Unavailable, "the scratch folder for drills cannot be made")
	}
	tree := org.New(st.Places, st.Keys)
	return backup.New(backup.Options{
		Store: st.Places, Keys: st.Keys, Objects: st.Objects, Tools: tools, Data: t.Data, KeysTo: t.Keys, Log: st.ledger,
		CopyObjects: c.Backup.Objects, Program: release.String(), Logger: log, Prove: Prover(st.Places, st.Keys, st.Objects),
		Keep: backup.Keep{Daily: c.Backup.Daily, Weekly: c.Backup.Weekly, Monthly: c.Backup.Monthly, Keys: c.Backup.KeyCopies},
		Name: func(ctx context.Context) (string, error) { n, err := tree.Root(ctx); return n.Name, err },
		Scratch: backup.Scratch{Dir: scratch, Root: st.Roots, Schemas: Schemas(), Key: t.key, Database: func(ctx context.Context) (place.Config, func(), error) {
			return scratchDatabase(ctx, c)
		}},
	}), t, nil
}

// scratchDatabase is an empty PostgreSQL database for one drill.
func scratchDatabase(ctx context.Context, c config.Config) (place.Config, func(), error) {
	if c.Backup.ScratchPostgresFile != "" {
		url, err := SecretFile("backup.scratch_postgres_file", c.Backup.ScratchPostgresFile)
		if err != nil {
			return place.Config{}, nil, err
		}
		return place.Config{Postgres: url}, func() { _ = place.Empty(context.WithoutCancel(ctx), url) }, place.Empty(ctx, url)
	}
	url, err := SecretFile("database.postgres_file", c.Database.PostgresFile)
	if err != nil {
		return place.Config{}, nil, err
	}
	made, remove, err := place.Beside(ctx, url, fmt.Sprintf("rf_drill_%d", time.Now().Unix()))
	return place.Config{Postgres: made}, remove, err
}

// DescribeTarget says where backups go, without credentials.
func DescribeTarget(t config.Target) string {
	switch {
	case t.SFTP != "":
		if u, err := url.Parse(t.SFTP); err == nil {
			return "SFTP " + u.Host + u.Path
		}
		return "SFTP"
	case t.AzureContainer != "":
		return "Azure Blob Storage (" + t.AzureContainer + ")"
	case t.S3Bucket != "":
		return "S3 (bucket " + t.S3Bucket + ")"
	case t.Folder != "":
		return "the folder " + strings.TrimSpace(t.Folder)
	}
	return ""
}
