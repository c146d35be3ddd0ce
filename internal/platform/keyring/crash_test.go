package keyring

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
)

// The tests below run this test binary again as a child that does one act and
// is killed (SIGKILL, by itself, so that nothing is flushed or closed) when it
// reaches a step. Then they look at what is left.
var child = flag.String("crash-child", "", "JSON of a plan; used by the crash tests only")

// plan is what a child does.
type plan struct {
	Root      string
	Dirs      [2]string
	Places    string
	Act       string
	Kill      int // at the n-th step that is reached; 0: never
	Customer  id.Customer
	Keys      []id.Key // of the recording that the act is about
	Capsule   []byte
	Started   string // the child writes the name of each step here
	Recording string
}

var acts = []string{"reserve", "use", "destroy", "create customer", "destroy customer", "rotate", "adopt", "hand over", "rotate root"}

func TestCrashChild(t *testing.T) {
	if *child == "" {
		return // this is not a child
	}
	var p plan
	if err := json.Unmarshal([]byte(*child), &p); err != nil {
		t.Fatal(err)
	}
	root, err := LoadRoots(p.Root)
	if err != nil {
		t.Fatal(err)
	}
	k, err := Open(t.Context(), Options{Root: root, Stores: []Store{{Dir: p.Dirs[0]}, {Dir: p.Dirs[1]}}})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	k.step = func(name string) {
		n++
		f, err := os.OpenFile(p.Started, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(f, name)
		f.Close()
		if n == p.Kill {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	if err := p.act(t.Context(), k); err != nil {
		t.Fatal(err)
	}
}

func (p *plan) act(ctx context.Context, k *Keyring) error {
	switch p.Act {
	case "reserve":
		_, err := k.Reserve(ctx, p.Customer, 3)
		return err
	case "use":
		_, err := p.use(ctx, k)
		return err
	case "destroy":
		return k.Destroy(ctx, p.Customer, "crash", p.Keys...)
	case "create customer":
		return k.CreateCustomer(ctx, p.newCustomer())
	case "destroy customer":
		return k.destroyCustomer(ctx, p.Customer, "crash")
	case "rotate":
		return k.Rotate(ctx, p.Customer)
	case "hand over":
		h := p.holder()
		k.Ask(func(context.Context, id.Customer, string) (Holder, error) { return h, nil })
		_, err := k.Turn(ctx, p.Customer, Turn{To: h})
		return err
	case "rotate root":
		next, err := LoadRoot(p.Root + nextEnd)
		if err != nil {
			return err
		}
		return k.RotateRoot(ctx, next.Name(), nil)
	case "adopt":
		_, err := k.Adopt(ctx, p.Customer, p.Capsule, nil)
		return err
	}
	return errors.New("no such act")
}

// holder is a key server whose key lies with the plan, the same in parent and
// child.
func (p *plan) holder() *fakeHolder {
	r, err := LoadRoot(p.Root + ".holder")
	if err != nil {
		panic(err)
	}
	return &fakeHolder{name: "transit acme", key: r.key}
}

// newCustomer is another id than the customer's, the same in parent and child.
func (p *plan) newCustomer() id.Customer {
	c := p.Customer
	c[15] ^= 1
	return c
}

// use makes a receipt and opens a key with it, as a server does.
func (p *plan) use(ctx context.Context, k *Keyring) (secret.Key, error) {
	s, err := place.Open(ctx, place.Config{Dir: p.Places}, place.Schemas{}, k)
	if err != nil {
		return secret.Key{}, err
	}
	defer s.Close()
	pl, err := s.Place(ctx, p.Customer)
	if err != nil {
		return secret.Key{}, err
	}
	r, err := pl.Receipt(ctx, actor.ForSystem("test"), place.Opening{Subject: "rec_test", What: "listen", Keys: p.Keys[:1]})
	if err != nil {
		return secret.Key{}, err
	}
	return k.Use(ctx, r, p.Keys[0])
}

// run starts the child and says whether it was killed, and which steps it saw.
func (p *plan) run(t *testing.T) (killed bool, steps []string) {
	t.Helper()
	p.Started = filepath.Join(t.TempDir(), "steps")
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(exe, "-test.run=^TestCrashChild$", "-crash-child="+string(b)).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		killed = true
	} else if err != nil {
		t.Fatalf("%s: %v\n%s", p.Act, err, out)
	}
	seen, _ := os.ReadFile(p.Started)
	return killed, strings.Fields(strings.ReplaceAll(string(seen), " ", "-"))
}

// scene is a world on disk, closed, with one recording's keys.
type scene struct {
	*world
	plan plan
	keys []Reserved
}

func newScene(t *testing.T, act string) *scene {
	t.Helper()
	dir := t.TempDir()
	if _, err := CreateRoot(filepath.Join(dir, "root.key")); err != nil {
		t.Fatal(err)
	}
	root, err := LoadRoots(filepath.Join(dir, "root.key"))
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{plan: plan{Root: filepath.Join(dir, "root.key"), Dirs: [2]string{dir + "/a", dir + "/b"}, Places: dir + "/data", Act: act}}
	for _, end := range []string{nextEnd, ".holder"} {
		if _, err := CreateRoot(s.plan.Root + end); err != nil {
			t.Fatal(err)
		}
	}
	w := &world{o: Options{Root: root, Stores: []Store{{Dir: s.plan.Dirs[0]}, {Dir: s.plan.Dirs[1]}}}}
	w.Keyring = open(t, w.o)
	if w.places, err = place.Open(t.Context(), place.Config{Dir: s.plan.Places}, place.Schemas{}, w.Keyring); err != nil {
		t.Fatal(err)
	}
	w.c, w.p = w.customer(t)
	s.world, s.keys = w, reserve(t, w, 2)
	s.plan.Customer, s.plan.Keys = w.c, []id.Key{s.keys[0].Content.ID, s.keys[0].Card.ID}
	public, err := w.Public(t.Context(), w.c)
	if err != nil {
		t.Fatal(err)
	}
	if s.plan.Capsule, err = Capsule(public, nil, secret.NewKey(), secret.NewKey()); err != nil {
		t.Fatal(err)
	}
	w.places.Close()
	w.Keyring.Close()
	return s
}

// Each act is killed at each of its steps. After the next start both places are
// equal, no key is lost, no opening that gave a key is uncounted, and doing the
// act again ends as if nothing had happened.
func TestKilledAtEachStep(t *testing.T) {
	for _, act := range acts {
		t.Run(strings.ReplaceAll(act, " ", "-"), func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				s := newScene(t, act)
				s.plan.Kill = n
				killed, steps := s.plan.run(t)
				if !killed {
					if n < 4 {
						t.Fatalf("%s has only the steps %v", act, steps)
					}
					return
				}
				at := steps[len(steps)-1]
				s.again(t)
				if act == "hand over" { // whichever of both it is by now, it opens
					h := s.plan.holder()
					s.Ask(func(context.Context, id.Customer, string) (Holder, error) { return h, nil })
					s.plan.Keys = []id.Key{s.keys[1].Card.ID}
					if got, err := s.plan.use(t.Context(), s.Keyring); err != nil || !got.Equal(s.keys[1].Card.Key) {
						t.Fatalf("killed at %q: %v", at, err)
					}
				}
				s.judge(t, at, strings.Contains(strings.Join(steps, " "), "counted"))
				s.Keyring.Close()
				for _, c := range s.left(t) {
					equal(t, s.o, c)
				}
			}
		})
	}
}

// left are the customers whose stores are still there.
func (s *scene) left(t *testing.T) []id.Customer {
	all := []id.Customer{installation}
	for _, c := range []id.Customer{s.c, s.plan.newCustomer()} {
		if _, err := os.Stat(file(s.o, 0, c)); err == nil {
			all = append(all, c)
		}
	}
	return all
}

// judge looks at a keyring after a crash and does the act again.
func (s *scene) judge(t *testing.T, at string, counted bool) {
	t.Helper()
	ctx := t.Context()
	if s.plan.Act == "use" {
		n, err := s.Openings(ctx, s.c)
		if err != nil || counted && n != 1 || n > 1 {
			t.Fatalf("killed at %q: %d openings are counted, %v", at, n, err)
		}
	}
	if s.plan.Act == "destroy customer" && at != "first-written" && at != "second-written" {
		// From the first commit on, the tombstone stands: nothing opens.
		if _, err := s.Reserve(ctx, s.c, 1); !fault.Is(err, fault.Gone) {
			t.Fatalf("killed at %q: %v", at, err)
		}
	}
	if s.plan.Act != "reserve" || at != "" {
		if err := s.plan.act(ctx, s.Keyring); err != nil {
			t.Fatalf("killed at %q: the act again: %v", at, err)
		}
	}
	switch s.plan.Act {
	case "destroy customer":
		_, err := s.Reserve(ctx, s.c, 1)
		wants(t, err, fault.Gone)
		return
	case "create customer":
		if _, err := s.Reserve(ctx, s.plan.newCustomer(), 1); err != nil {
			t.Fatalf("killed at %q: %v", at, err)
		}
	}
	s.plan.Keys = []id.Key{s.keys[0].Card.ID}
	got, err := s.plan.use(ctx, s.Keyring)
	if s.plan.Act == "destroy" {
		wants(t, err, fault.Gone)
	} else if err != nil || !got.Equal(s.keys[0].Card.Key) {
		t.Fatalf("killed at %q: the key is lost: %v", at, err)
	}
	s.plan.Keys = []id.Key{s.keys[1].Content.ID}
	if got, err := s.plan.use(ctx, s.Keyring); err != nil || !got.Equal(s.keys[1].Content.Key) {
		t.Fatalf("killed at %q: another key is lost: %v", at, err)
	}
}
