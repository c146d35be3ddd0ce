package place_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// Nobody between us and the database may read or change rows.
func TestBeyondLoopbackOnlyVerifiedTLS(t *testing.T) {
	for url, refused := range map[string]bool{
		"postgres://u:hush@192.0.2.1/d":                           true,
		"postgres://u:hush@192.0.2.1/d?sslmode=disable":           true,
		"postgres://u:hush@192.0.2.1/d?sslmode=prefer":            true,
		"postgres://u:hush@192.0.2.1/d?sslmode=require":           true,
		"postgres://u:hush@192.0.2.1/d?sslmode=verify-ca":         true,
		"postgres://u:hush@localhost,192.0.2.1/d?sslmode=disable": true,
		"postgres://u:hush@192.0.2.1/d?sslmode=nonsense":          true,
		"hush": true,
		"postgres://u:hush@192.0.2.1/d?sslmode=verify-full&connect_timeout=1": false,
		"postgres://u:hush@127.0.0.1:1/d?sslmode=disable":                     false,
		"postgres://u:hush@[::1]:1/d":                                         false,
		"postgres:///d?host=/nowhere&user=u&password=hush":                    false,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		_, err := place.Open(ctx, place.Config{Postgres: secret.NewText(url)}, schemas, placetest.NewSealer())
		cancel()
		if err == nil || fault.Is(err, fault.Invalid) != refused {
			t.Errorf("%s: %v", url, err)
		}
		if strings.Contains(err.Error(), "hush") {
			t.Errorf("the password is in the fault: %v", err)
		}
	}
}

func TestSettingsStandWhateverTheURLSays(t *testing.T) {
	dsn := secret.NewText(placetest.Postgres(t).Reveal() + "&synchronous_commit=off&jit=on")
	s := placetest.Open(t, place.Config{Postgres: dsn}, schemas)
	for setting, want := range map[string]string{"synchronous_commit": "on", "jit": "off"} {
		if v := one[string](t, placetest.Customer(t, s), `SELECT current_setting('`+setting+`')`); v != want {
			t.Errorf("%s is %q, want %q", setting, v, want)
		}
	}
}

// A restore may write where nothing of ours lies, and nowhere else without a word.
func TestVacant(t *testing.T) {
	for _, cfg := range []place.Config{{Dir: t.TempDir()}, {Postgres: placetest.Postgres(t)}} {
		for _, want := range []bool{true, false} {
			if got, err := place.Vacant(t.Context(), cfg); err != nil || got != want {
				t.Errorf("%s: vacant: %v, want %v (%v)", cfg.Dir, got, want, err)
			}
			if want {
				placetest.Open(t, cfg, schemas)
			}
		}
	}
	if _, err := place.Vacant(t.Context(), place.Config{Postgres: secret.NewText("postgres://u@127.0.0.1:1/d?sslmode=disable")}); err == nil {
		t.Error("a database that does not answer is vacant")
	}
}

// Two servers on one database are one writer per place between them.
func TestTwoServersOnOneDatabase(t *testing.T) {
	cfg := place.Config{Postgres: placetest.Postgres(t)}
	a, b := placetest.Open(t, cfg, schemas), placetest.Open(t, cfg, schemas)
	pa := placetest.Customer(t, a)
	pb, err := b.Place(t.Context(), pa.Customer())
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, p := range []*place.Place{pa, pb, pa, pb} {
		all.Go(func() {
			for n := range 25 {
				if err := p.Change(t.Context(), tester, func(tx *place.Tx) error { return write(tx, n) }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n, last := one[int](t, pa, `SELECT count(*) FROM events`), one[int](t, pb, `SELECT max(pos) FROM events`); n != 100 || last != 100 {
		t.Fatalf("%d events up to %d", n, last)
	}
}

func TestNothingOfAPlaceRemainsInTheCluster(t *testing.T) {
	s := placetest.Open(t, place.Config{Postgres: placetest.Postgres(t)}, schemas)
	p := placetest.Customer(t, s)
	change(t, p, 1)
	schemas := func() int {
		return one[int](t, s.Registry(), `SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'p\_%'`)
	}
	roles := func() int {
		return one[int](t, s.Registry(), `SELECT count(*) FROM pg_roles WHERE rolname LIKE ?`, "rf\\_%\\_"+hex(p))
	}
	if schemas() != 1 || roles() != 1 {
		t.Fatalf("%d schemas, %d roles", schemas(), roles())
	}
	if err := s.Destroy(t.Context(), p.Customer()); err != nil {
		t.Fatal(err)
	}
	if schemas() != 0 || roles() != 0 {
		t.Fatalf("%d schemas, %d roles", schemas(), roles())
	}
}

func hex(p *place.Place) string {
	c := p.Customer()
	return fmt.Sprintf("%x", c[:])
}
