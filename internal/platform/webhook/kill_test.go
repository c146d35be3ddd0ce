package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/platform/webhook"
)

const (
	killDir = "RINGFENCE_TEST_KILL_DIR"
	killIn  = "RINGFENCE_TEST_KILL_IN" // hours from now: what a process that is gone held is free again by then
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		fmt.Fprintln(os.Stderr, "it was not killed:", deliverAndDie(dir))
		os.Exit(1)
	}
	placetest.Main(m)
}

// kept is an installation in a folder, which a killed process leaves as a server would.
type kept struct {
	store   *place.Store
	keys    *keyring.Keyring
	place   *place.Place
	service *webhook.Service
	runner  *job.Runner
}

func openKept(ctx context.Context, dir string, sent func()) (k *kept, err error) {
	k = &kept{}
	file := filepath.Join(dir, "root.key")
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		if _, err := keyring.CreateRoot(file); err != nil {
			return nil, err
		}
	}
	root, err := keyring.LoadRoots(file)
	if err != nil {
		return nil, err
	}
	o := keyring.Options{Root: root, Stores: []keyring.Store{{Dir: filepath.Join(dir, "keys")}}}
	if err := keyring.Init(ctx, o); err != nil {
		return nil, err
	}
	if k.keys, err = keyring.Open(ctx, o); err != nil {
		return nil, err
	}
	if k.store, err = place.Open(ctx, place.Config{Dir: filepath.Join(dir, "places")}, schemas, k.keys); err != nil {
		return nil, err
	}
	all, err := k.store.Customers(ctx)
	if err == nil && len(all) == 0 {
		all = []id.Customer{id.New[id.Customer]()}
		err = errors.Join(k.keys.CreateCustomer(ctx, all[0]), k.store.Create(ctx, all[0]))
	}
	if err != nil {
		return nil, err
	}
	if k.place, err = k.store.Place(ctx, all[0]); err != nil {
		return nil, err
	}
	out, err := egress.New(egress.Options{Private: []string{"127.0.0.1"}})
	if err != nil {
		return nil, err
	}
	k.service = webhook.New(webhook.Options{Egress: out, Sent: func(webhook.Kind, string, time.Duration) { sent() }})
	k.runner = job.NewRunner(k.store, map[string]job.Kind{webhook.JobDeliver: k.service.Kind()}, job.Options{})
	return k, nil
}

func (k *kept) close() error { return errors.Join(k.store.Close(), k.keys.Close()) }

// deliverAndDie delivers what is due and ends its own process when the answer
// has come and is not written down yet.
func deliverAndDie(dir string) error {
	k, err := openKept(context.Background(), dir, func() {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	})
	if err != nil {
		return err
	}
	hours, err := strconv.Atoi(os.Getenv(killIn))
	if err == nil {
		_, err = k.runner.RunDue(context.Background(), time.Now().Add(time.Duration(hours)*time.Hour))
	}
	return err
}

// A message that was sent by a process that was killed before it could note that
// is sent again with the same id, by which the receiver knows it; it is not lost.
func TestKilledBetweenSendingAndNoting(t *testing.T) {
	dir := t.TempDir()
	r := newReceiver(t)
	r.say(http.StatusNoContent)
	k, err := openKept(t.Context(), dir, func() {})
	if err != nil {
		t.Fatal(err)
	}
	e, text, err := k.service.Add(t.Context(), k.place, tester, webhook.Draft{
		Name: "Our CRM", URL: r.URL + "/hook", Events: []webhook.Kind{webhook.RecordingCaptured}, Purpose: "shows calls beside tickets", Region: "EU",
	})
	if err == nil {
		r.secrets = append(r.secrets, text.Reveal())
		err = k.place.Change(t.Context(), tester, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "test.done"})
			return webhook.Enqueue(tx, webhook.RecordingCaptured, "rec_1", nil)
		})
	}
	if err = errors.Join(err, k.close()); err != nil {
		t.Fatal(err)
	}
	for hours := range 2 { // also twice in a row
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), killDir+"="+dir, killIn+"="+strconv.Itoa(hours))
		out, err := cmd.CombinedOutput()
		if status, is := cmd.ProcessState.Sys().(syscall.WaitStatus); !is || status.Signal() != syscall.SIGKILL {
			t.Fatalf("the child was not killed: %v\n%s", err, out)
		}
		k, err = openKept(t.Context(), dir, func() {})
		if err != nil {
			t.Fatal(err)
		}
		page, err := k.service.Deliveries(t.Context(), k.place, e.ID, "", "", 0)
		if err != nil || len(page.Items) != 1 || page.Items[0].State != webhook.Waiting {
			t.Fatalf("%+v, %v", page.Items, err)
		}
		if err := k.close(); err != nil {
			t.Fatal(err)
		}
	}
	if k, err = openKept(t.Context(), dir, func() {}); err != nil {
		t.Fatal(err)
	}
	defer k.close()
	if _, err := k.runner.RunDue(t.Context(), time.Now().Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	page, err := k.service.Deliveries(t.Context(), k.place, e.ID, "", "", 0)
	if err != nil || len(page.Items) != 1 || page.Items[0].State != webhook.Delivered {
		t.Errorf("%+v, %v", page.Items, err)
	}
	if len(r.ids) != 3 || r.ids[0] != r.ids[1] || r.ids[1] != r.ids[2] || r.ids[0] != page.Items[0].Message.String() || r.forged != 0 {
		t.Errorf("it came as %q, %d not verified", r.ids, r.forged)
	}
}
