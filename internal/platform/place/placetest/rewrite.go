package placetest

import (
	"database/sql"
	"net/url"
	"path/filepath"
	"testing"

	"ringfence/internal/platform/place"
)

// Rewrite has PostgreSQL write every table anew and onto the disk, as an operator
// does with VACUUM FULL, and gives the folder in which tables lie; for SQLite the
// folder of the files, which need nothing. The cluster's log is beside it.
func Rewrite(t testing.TB, cfg place.Config) (dir string) {
	t.Helper()
	if cfg.Postgres.Reveal() == "" {
		return cfg.Dir
	}
	u, err := url.Parse(cfg.Postgres.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", cfg.Postgres.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, text := range []string{"VACUUM FULL", "CHECKPOINT"} {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(u.Query().Get("host"), "data", "base")
}

// Recycle has PostgreSQL let go of the segments of its log that it needs no more,
// as checkpoints do in service. Segments are removed, not used again under another
// name with their old bytes. For SQLite there is nothing to do.
func Recycle(t testing.TB, cfg place.Config) {
	t.Helper()
	if cfg.Postgres.Reveal() == "" {
		return
	}
	db, err := sql.Open("pgx", cfg.Postgres.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	texts := []string{"ALTER SYSTEM SET wal_recycle = off", "ALTER SYSTEM SET min_wal_size = '32MB'", "SELECT pg_reload_conf()"}
	for range 3 {
		texts = append(texts, "SELECT pg_switch_wal()", "CHECKPOINT")
	}
	for _, text := range texts {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
}

// Log is the folder of PostgreSQL's log; "" for SQLite.
func Log(t testing.TB, cfg place.Config) string {
	t.Helper()
	u, err := url.Parse(cfg.Postgres.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if u.Query().Get("host") == "" {
		return ""
	}
	return filepath.Join(u.Query().Get("host"), "data", "pg_wal")
}
