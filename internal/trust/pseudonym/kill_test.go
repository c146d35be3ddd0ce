package pseudonym_test

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/paper"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/approval"
	"ringfence/internal/trust/destruction"
	"ringfence/internal/trust/person"
	"ringfence/internal/trust/pseudonym"
)

func TestMain(m *testing.M) {
	if v := recordingtest.Told(); v != nil {
		v.Done(workUntilKilled(v))
	}
	placetest.Main(m)
}

// disk is a world that outlives its process, with real certificates.
type disk struct {
	*recordingtest.World
	persons    *person.Service
	approvals  *approval.Service
	pseudonyms *pseudonym.Service
	certs      *destruction.Service
}

func openDisk(ctx context.Context, dir string, step func(string)) (*disk, error) {
	more := schemas2()
	more.Place, more.Housekeeping = append(more.Place, destruction.Migrations()...), append(more.Housekeeping, destruction.Housekeeping...)
	rt, err := recordingtest.Disk(ctx, dir, recording.Options{Step: step}, recording.Source{Folder: "/nowhere", Profile: "generic"}, more)
	if err != nil {
		return nil, err
	}
	key, _, err := paper.NewKey("Test installation", time.Now())
	if err != nil {
		return nil, err
	}
	d := &disk{World: rt, approvals: approval.New(approval.Options{})}
	d.persons = person.New(person.Options{Store: rt.Store, Recordings: rt.Service, Few: 4})
	d.certs = destruction.New(destruction.Options{
		Store: rt.Store, Sign: func(_ context.Context, text []byte) ([]byte, error) { return key.SignText(text) },
		Paper: func(_ context.Context, pdf []byte, title string, at time.Time) ([]byte, error) {
			return key.Sign(pdf, title, at)
		},
	})
	d.pseudonyms = pseudonym.New(pseudonym.Options{
		Recordings: rt.Service, Keys: rt.Keys, Persons: d.persons, Approvals: d.approvals, Step: step,
		Certify: func(ctx context.Context, p *place.Place, g pseudonym.Gone) error {
			return d.certs.CertifyKeys(ctx, p, destruction.Keys{Run: g.Run, Approval: g.Approval, Asked: g.AskedAt, N: g.Keys})
		},
	})
	return d, nil
}

// work runs what is due, also what a process that was killed had taken.
func (d *disk) work(ctx context.Context, at time.Time) error {
	_, err := job.NewRunner(d.Store, d.pseudonyms.Kinds(), job.Options{}).RunDue(ctx, at)
	return err
}

func workUntilKilled(v *recordingtest.Victim) error {
	d, err := openDisk(context.Background(), v.Dir, v.Step)
	if err != nil {
		return err
	}
	v.Arm()
	return d.work(context.Background(), time.Now())
}

// killedAtEachStep has what waits in a prepared folder done by a child that is killed
// at each of its steps in turn. Each time the folder is opened as a server would: check
// looks at it before and after what waits was taken up again.
func killedAtEachStep(t *testing.T, prepared string, least int, check func(w *world, ended bool)) {
	for at := 1; ; at++ {
		dir := filepath.Join(t.TempDir(), "copy")
		if out, err := exec.Command("cp", "-a", prepared, dir).CombinedOutput(); err != nil {
			t.Fatal(string(out), err)
		}
		step, was := recordingtest.Killed(t, dir, "work", "", at)
		t.Run(fmt.Sprintf("%02d %s", at, step), func(t *testing.T) {
			d, err := openDisk(t.Context(), dir, func(string) {})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			w := &world{T: t, World: d.World, persons: d.persons, approvals: d.approvals, pseudonyms: d.pseudonyms}
			w.no(d.Service.Recover(t.Context(), d.Place))
			check(w, !was)
			w.no(d.work(t.Context(), time.Now().Add(24*time.Hour)))
			check(w, true)
		})
		if !was {
			if at <= least {
				t.Errorf("only %d steps were seen", at-1)
			}
			return
		}
	}
}

func (w *world) events(code string) int64 {
	w.Helper()
	return w.count(`events WHERE code = '` + code + `'`)
}

func (w *world) count(from string) (n int64) {
	w.Helper()
	w.no(w.Place.View(w.Context(), func(tx *place.Tx) (err error) {
		n, err = place.Row[int64](tx, `SELECT count(*) FROM `+from)
		return err
	}))
	return n
}

// waiting counts the jobs of pseudonyms that are not done.
func (w *world) waiting() int64 {
	w.Helper()
	return w.count(`jobs WHERE kind IN ('` + pseudonym.Job + `', '` + pseudonym.JobForget + `')`)
}

// Wherever the process ends, no name is replaced without its way back, and the run
// ends once, with each recording replaced once.
func TestKilledAtEachStepOfARun(t *testing.T) {
	dir := t.TempDir()
	d, err := openDisk(t.Context(), dir, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, World: d.World, persons: d.persons, approvals: d.approvals, pseudonyms: d.pseudonyms}
	recs := []id.Recording{
		w.call("1.wav", number, name, 1, "this is Agnes Canary", "yes"),
		w.call("2.wav", number, name, 2, "it is Agnes Canary again", "yes"),
	}
	i := w.request()
	_, err = w.pseudonyms.StartPerson(t.Context(), w.Place, ada, i, pseudonym.How{}, 2)
	w.no(err)
	w.no(d.Close())
	killedAtEachStep(t, dir, 12, func(w *world, ended bool) {
		opened, err := w.Keys.Openings(w.Context(), w.Place.Customer())
		w.no(err)
		if logged := w.events("opening.granted"); opened > logged {
			w.Fatalf("%d openings of keys, but %d receipts", opened, logged)
		}
		seen := map[string]bool{}
		for _, rec := range recs {
			c := w.card(rec).Caller
			seen[c.Name] = true
			if c.Name == name {
				if c.Number != number || !strings.Contains(w.said(rec), name) {
					w.Error("half of it is replaced:", c, w.said(rec))
				}
				continue
			}
			if strings.Contains(w.said(rec), name) {
				w.Error("half of it is replaced:", c, w.said(rec))
			}
			for of, is := range map[string]string{c.Name: name, c.Number: number} {
				if got, err := w.pseudonyms.Reveal(w.Context(), w.Place, ada, of, "legal claim", "claim 12"); err != nil || got[0] != is {
					w.Error("the way back from", of, "leads to", got, err)
				}
			}
		}
		if !ended {
			return
		}
		if len(seen) != 1 || seen[name] {
			w.Error("in the end the cards name", seen)
		}
		if runs, renamed := w.events("pseudonym.run-ended"), w.events("recording.pseudonymised"); runs != 1 || renamed != 2 || w.waiting() != 0 {
			w.Error("runs that ended:", runs, "recordings that were replaced:", renamed)
		}
	})
}

// Wherever the process ends, every key that was to go has gone in the end, and that
// is certified once.
func TestKilledAtEachStepOfDestroyingWaysBack(t *testing.T) {
	dir := t.TempDir()
	d, err := openDisk(t.Context(), dir, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, World: d.World, persons: d.persons, approvals: d.approvals, pseudonyms: d.pseudonyms}
	w.call("1.wav", number, name, 1, "this is Agnes Canary", "yes")
	i := w.request()
	her, _ := w.replaced(i, pseudonym.How{})
	w.answered(i)
	w.forgotten(pseudonym.Which{All: true})
	var doomed []id.Key
	w.no(w.Place.View(t.Context(), func(tx *place.Tx) (err error) {
		doomed, err = place.Rows[id.Key](tx, `SELECT key FROM pseudonym_doomed`)
		return err
	}))
	if len(doomed) != 3 {
		t.Fatal("keys that are to go:", doomed)
	}
	w.no(d.Close())
	killedAtEachStep(t, dir, 4, func(w *world, ended bool) {
		if _, err := w.pseudonyms.Reveal(w.Context(), w.Place, ada, her, "legal claim", "claim 12"); !fault.Is(err, fault.Gone) {
			w.Error("the way back leads on:", err)
		}
		if !ended {
			return
		}
		dead, err := w.Keys.Destroyed(w.Context(), w.Place.Customer(), doomed...)
		if err != nil || len(dead) != len(doomed) || w.count("pseudonym_doomed") != 0 || w.waiting() != 0 {
			w.Error("of", len(doomed), "keys were destroyed:", len(dead), err)
		}
		if n := w.events("certificate.signed"); n != 1 {
			w.Error("certificates:", n)
		}
	})
}

// answered ends a request of a person.
func (w *world) answered(i id.PersonRequest) {
	w.Helper()
	_, err := w.persons.Identify(w.Context(), w.Place, ada, i, "called back", "")
	w.no(err)
	_, err = w.persons.End(w.Context(), w.Place, ada, i, false, "done")
	w.no(err)
}

// forgotten has two persons destroy ways back, but for the keys.
func (w *world) forgotten(which pseudonym.Which) {
	w.Helper()
	n, err := w.pseudonyms.Meant(w.Context(), w.Place, which)
	w.no(err)
	apr, err := w.pseudonyms.Forget(w.Context(), w.Place, ada, which, "no claim is open", n)
	w.no(err)
	_, err = w.approvals.Approve(w.Context(), w.Place, grace, apr, approval.Decision{May: func(access.Act) bool { return true }, Confirm: n})
	w.no(err)
}
