package place_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

const (
	envDo       = "PLACE_TEST_DO"
	envDir      = "PLACE_TEST_DIR"
	envPostgres = "PLACE_TEST_POSTGRES"
	envCustomer = "PLACE_TEST_CUSTOMER"
)

// child is what this test binary does when a crash test starts it again: it
// acknowledges on its output what it was told is done, until it is killed.
func child() {
	what := os.Getenv(envDo)
	if what == "" {
		return
	}
	if err := work(what); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	time.Sleep(time.Minute)
	os.Exit(0)
}

func work(what string) error {
	ctx := context.Background()
	cfg := place.Config{Dir: os.Getenv(envDir), Postgres: secret.NewText(os.Getenv(envPostgres))}
	s, err := place.Open(ctx, cfg, schemas, placetest.NewSealer())
	if err != nil {
		return err
	}
	c, err := id.Parse[id.Customer](os.Getenv(envCustomer))
	if err != nil {
		return err
	}
	p, err := s.Place(ctx, c)
	if err != nil {
		return err
	}
	switch what {
	case "write":
		for n := 0; ; n++ {
			if err := p.Change(ctx, tester, func(tx *place.Tx) error { return write(tx, n) }); err != nil {
				return err
			}
			fmt.Println("done", n)
		}
	case "open":
		for {
			r, err := p.Receipt(ctx, tester, place.Opening{Subject: "rec_1", What: "listen"})
			if err != nil {
				return err
			}
			fmt.Println("done", r.ID())
		}
	case "intend":
		return p.Change(ctx, tester, func(tx *place.Tx) error {
			i, err := tx.Intend("move", "there")
			tx.After(func() { fmt.Println("done", i) })
			return errors.Join(err, write(tx, 0))
		})
	case "undecided":
		return p.Change(ctx, tester, func(tx *place.Tx) error {
			_, err := tx.Intend("move", "there")
			fmt.Println("done", "nothing")
			time.Sleep(time.Minute)
			return err
		})
	}
	return fmt.Errorf("what is %q?", what)
}

// killed runs the child until it has acknowledged so many times, kills it and
// gives what it acknowledged.
func killed(t *testing.T, cfg place.Config, c id.Customer, what string, after int) (acks []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envDo+"="+what, envDir+"="+cfg.Dir, envPostgres+"="+cfg.Postgres.Reveal(), envCustomer+"="+c.String())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		ack, ok := strings.CutPrefix(lines.Text(), "done ")
		if !ok {
			t.Fatal(lines.Text())
		}
		if acks = append(acks, ack); len(acks) == after {
			cmd.Process.Kill() // SIGKILL: nothing is flushed or closed
		}
	}
	cmd.Wait()
	if len(acks) < after {
		t.Fatalf("%d acknowledgements", len(acks))
	}
	return acks
}

// crash kills a process at work and opens what it left.
func crash(t *testing.T, what string, after int, check func(t *testing.T, s *place.Store, p *place.Place, acks []string)) {
	for _, engine := range placetest.Engines {
		t.Run(engine.Name, func(t *testing.T) {
			cfg := engine.Config(t)
			s := placetest.Open(t, cfg, schemas)
			c := placetest.Customer(t, s).Customer()
			s.Close()
			acks := killed(t, cfg, c, what, after)
			s = placetest.Open(t, cfg, schemas)
			p, err := s.Place(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			check(t, s, p, acks)
		})
	}
}

func TestWhatWasAcknowledgedSurvivesKill(t *testing.T) {
	crash(t, "write", 60, func(t *testing.T, _ *place.Store, p *place.Place, acks []string) {
		rows, events, last := one[int](t, p, `SELECT count(*) FROM notes`), one[int](t, p, `SELECT count(*) FROM events`), one[int](t, p, `SELECT max(pos) FROM events`)
		// The last one may have been committed without a chance to say so.
		if rows < len(acks) || rows > len(acks)+1 || events != rows || last != rows {
			t.Fatalf("%d acknowledged, %d rows, %d events up to %d", len(acks), rows, events, last)
		}
	})
}

func TestAReceiptSurvivesKill(t *testing.T) {
	crash(t, "open", 20, func(t *testing.T, _ *place.Store, p *place.Place, acks []string) {
		for _, receipt := range acks {
			if n := one[int](t, p, `SELECT count(*) FROM events WHERE facts LIKE ?`, "%"+receipt+"%"); n != 1 {
				t.Fatalf("%s is not in the journal", receipt)
			}
		}
	})
}

func TestAnIntentIsFoundAfterKill(t *testing.T) {
	crash(t, "intend", 1, func(t *testing.T, s *place.Store, p *place.Place, acks []string) {
		due, _, err := s.Waiting(t.Context(), time.Now())
		if err != nil || len(due) != 1 || due[0].Customer != p.Customer() {
			t.Fatal(due, err)
		}
		if open, err := p.Pending(t.Context(), ""); err != nil || len(open) != 1 || open[0].ID.String() != acks[0] {
			t.Fatal(open, err)
		}
	})
}

func TestWhatWasNotCommittedIsGoneAfterKill(t *testing.T) {
	crash(t, "undecided", 1, func(t *testing.T, s *place.Store, p *place.Place, _ []string) {
		if open, err := p.Pending(t.Context(), ""); err != nil || len(open) != 0 {
			t.Fatal(open, err)
		}
		// The hint came first and may be too early, never too late.
		if due, _, err := s.Waiting(t.Context(), time.Now()); err != nil || len(due) != 1 {
			t.Fatal(due, err)
		}
		change(t, p, 1)
	})
}

func TestDestroyingIsFinishedAfterACrash(t *testing.T) {
	for _, engine := range placetest.Engines {
		t.Run(engine.Name, func(t *testing.T) {
			cfg := engine.Config(t)
			s := placetest.Open(t, cfg, schemas)
			p, other := placetest.Customer(t, s), placetest.Customer(t, s)
			if err := place.Condemn(s, t.Context(), p.Customer()); err != nil {
				t.Fatal(err)
			}
			s.Close()
			s = placetest.Open(t, cfg, schemas)
			if n := one[int](t, s.Registry(), `SELECT count(*) FROM placements`); n != 1 {
				t.Fatalf("%d placements", n)
			}
			if _, err := s.Place(t.Context(), p.Customer()); !fault.Is(err, fault.NotFound) {
				t.Fatal(err)
			}
			if _, err := s.Place(t.Context(), other.Customer()); err != nil {
				t.Fatal(err)
			}
		})
	}
}
