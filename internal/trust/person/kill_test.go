package person_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/insight/search"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/trust/person"
)

type ctx = context.Context

func TestMain(m *testing.M) {
	if v := recordingtest.Told(); v != nil {
		v.Done(untilKilled(v))
	}
	placetest.Main(m)
}

func onDisk(ctx context.Context, dir string, step func(string)) (*recordingtest.World, *person.Service, error) {
	w, err := recordingtest.Disk(ctx, dir, recording.Options{Step: step}, recording.Source{Folder: "/nowhere", Profile: "generic"},
		place.Schemas{Place: append(search.Migrations(), person.Migrations()...), Housekeeping: append(search.Housekeeping(), person.Housekeeping()...)})
	if err != nil {
		return nil, nil, err
	}
	o, err := signing(time.Now())
	if err != nil {
		return nil, nil, err
	}
	o.Store, o.Recordings, o.Step = w.Store, w.Service, step
	return w, person.New(o), nil
}

func untilKilled(v *recordingtest.Victim) error {
	ctx := context.Background()
	w, persons, err := onDisk(ctx, v.Dir, v.Step)
	if err != nil {
		return err
	}
	c, err := id.Parse[id.PersonRequest](v.Of)
	if err != nil {
		return err
	}
	v.Arm()
	if v.Act == "erase" {
		err = persons.Erase(ctx, w.Place, ada, c, 2)
	} else if _, err = persons.End(ctx, w.Place, ada, c, false, "told"); err == nil {
		err = certify(ctx, w, persons, time.Now())
	}
	if err != nil {
		return err
	}
	return w.Close()
}

// certify signs what is due, also what a process that was killed had taken.
func certify(ctx context.Context, w *recordingtest.World, persons *person.Service, at time.Time) error {
	_, err := job.NewRunner(w.Store, map[string]job.Kind{person.JobCertify: persons.CertifyKind()}, job.Options{}).RunDue(ctx, at)
	return err
}

// Wherever the process ends, after the next start an erasure is either not
// begun or done to its end: both recordings are there, or both are gone.
func TestKilledWhileErasing(t *testing.T) {
	for at := 1; ; at++ {
		dir := t.TempDir()
		w, persons, err := onDisk(t.Context(), dir, func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		recs := []id.Recording{w.Archive(t, "a.wav", 1), w.Archive(t, "b.wav", 2)}
		c, err := persons.Begin(t.Context(), w.Place, ada, person.Draft{Right: person.Erase, Subject: person.Subject{Identifiers: person.Identifiers{Numbers: []string{agnes}}}})
		if err == nil {
			err = persons.Search(t.Context(), w.Place, c.ID)
		}
		if err == nil {
			_, err = persons.Identify(t.Context(), w.Place, ada, c.ID, "seen", "")
		}
		if err != nil {
			t.Fatal(err)
		}
		all, err := persons.Items(t.Context(), w.Place, c.ID, id.Found{}, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range all {
			v := person.Rejected
			if it.Store == "recordings" {
				v = person.Confirmed
			}
			if _, err := persons.Decide(t.Context(), w.Place, ada, c.ID, person.Decision{Items: []id.Found{it.ID}, Verdict: v}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		step, was := recordingtest.Killed(t, dir, "erase", c.ID.String(), at)
		if !was {
			if at < 10 {
				t.Errorf("only %d steps were seen", at-1)
			}
			return
		}
		t.Run(fmt.Sprintf("%02d %s", at, step), func(t *testing.T) { recovered(t, dir, c.ID, recs) })
	}
}

func recovered(t *testing.T, dir string, c id.PersonRequest, recs []id.Recording) {
	w, persons, err := onDisk(t.Context(), dir, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	waiting, _, err := w.Store.Waiting(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Service.Recover(t.Context(), w.Place); err != nil {
		t.Fatal(err)
	}
	if err := persons.Recover(t.Context(), w.Place); err != nil {
		t.Fatal(err)
	}
	gone := 0
	for _, rec := range recs {
		if err := w.Service.May(t.Context(), w.Place, rec, recording.Everything); fault.Is(err, fault.Gone) {
			gone++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	got, err := persons.Read(t.Context(), w.Place, c)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case got.State != person.Open:
		t.Errorf("the request is %s", got.State)
	case gone == 1 || int64(gone) != got.Figures.Erased:
		t.Errorf("%d of 2 are gone, %d are said to be", gone, got.Figures.Erased)
	case gone == 2 && len(waiting) == 0:
		t.Error("a server that starts would not have looked here")
	}
	pending, err := w.Place.Pending(t.Context(), "")
	if err != nil || len(pending) > 0 {
		t.Errorf("%v %v", pending, err)
	}
}

// Wherever the process ends, after the next start a request is either not ended, or
// ended with one certificate: never two, and never none.
func TestKilledWhileCertifying(t *testing.T) {
	for at := 1; ; at++ {
		dir := t.TempDir()
		w, persons, err := onDisk(t.Context(), dir, func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		c, err := persons.Begin(t.Context(), w.Place, ada, person.Draft{Right: person.Object, Subject: person.Subject{Identifiers: person.Identifiers{Numbers: []string{agnes}}}})
		if err == nil {
			err = persons.Search(t.Context(), w.Place, c.ID)
		}
		if err == nil {
			_, err = persons.Identify(t.Context(), w.Place, ada, c.ID, "seen", "")
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		step, was := recordingtest.Killed(t, dir, "end", c.ID.String(), at)
		t.Run(fmt.Sprintf("%02d %s", at, step), func(t *testing.T) { certified(t, dir, c.ID, step) })
		if !was {
			if at <= 5 {
				t.Errorf("only %d steps were seen", at-1)
			}
			return
		}
	}
}

func certified(t *testing.T, dir string, c id.PersonRequest, step string) {
	w, persons, err := onDisk(t.Context(), dir, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := certify(t.Context(), w, persons, time.Now().Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	got, err := persons.Read(t.Context(), w.Place, c)
	if err != nil {
		t.Fatal(err)
	}
	want := int64(1)
	if step == "person: end" { // killed in the Change that ends it
		want = 0
	}
	if got.State.Ended() != (want == 1) || got.Certified != (want == 1) {
		t.Errorf("the request is %s, certified: %v", got.State, got.Certified)
	}
	err = w.Place.View(t.Context(), func(tx *place.Tx) error {
		for _, query := range []string{`SELECT count(*) FROM person_certificates`, `SELECT count(*) FROM events WHERE code = 'request.certified'`} {
			if n, err := place.Row[int64](tx, query); err != nil || n != want {
				t.Errorf("%s: %d, want %d: %v", query, n, want, err)
			}
		}
		left, err := place.Row[int64](tx, `SELECT count(*) FROM jobs WHERE kind = ?`, person.JobCertify)
		if left != 0 {
			t.Errorf("%d jobs are left", left)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if want == 0 {
		return
	}
	for _, pdf := range []bool{false, true} {
		file, err := persons.CertificateOf(t.Context(), w.Place, c, pdf)
		if err == nil {
			_, _, err = person.Verify(file)
		}
		if err != nil {
			t.Error(pdf, err)
		}
	}
}
