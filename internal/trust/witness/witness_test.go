package witness_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/keyring/keyringtest"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/platform/webhook"
	"ringfence/internal/trust/parcel"
	"ringfence/internal/trust/proof"
	"ringfence/internal/trust/witness"
)

func TestMain(m *testing.M) { placetest.Main(m) }

func join[T any](all ...[]T) (out []T) {
	for _, a := range all {
		out = append(out, a...)
	}
	return out
}

func schemas() place.Schemas {
	return place.Schemas{
		Registry:     job.Migrations,
		Place:        join(job.Migrations, egress.Migrations(), webhook.Migrations(), journal.Migrations(), witness.Migrations(), parcel.Migrations()),
		Housekeeping: join(job.Housekeeping, egress.Housekeeping(), webhook.Housekeeping(), journal.Housekeeping(), witness.Housekeeping(), parcel.Housekeeping()),
	}
}

type world struct {
	t       testing.TB
	p       *place.Place
	keys    *keyring.Keyring
	s       *witness.Service
	box     *mail.Mailbox
	parcels *parcel.Service
	runner  *job.Runner
	now     time.Time
}

var ada = actor.ForPerson(id.New[id.Person](), id.New[id.Session](), "192.0.2.7")

func newWorld(t testing.TB, store *place.Store) *world {
	t.Helper()
	w := &world{t: t, p: placetest.Customer(t, store), keys: keyringtest.New(t), box: &mail.Mailbox{}, now: time.Now()}
	if err := w.keys.CreateCustomer(t.Context(), w.p.Customer()); err != nil {
		t.Fatal(err)
	}
	bucket, err := blob.OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w.s = witness.New(witness.Options{Store: store, Keys: w.keys, Mail: w.box, Now: func() time.Time { return w.now }})
	store.OnCommit(w.s.Watch)
	w.parcels = parcel.New(parcel.Options{Store: store, Keys: w.keys, Objects: bucket})
	w.parcels.Register(witness.ExportKind, w.s.Maker("journal.export"))
	w.runner = job.NewRunner(store, w.parcels.Kinds(), job.Options{})
	return w
}

func (w *world) record(n int) {
	w.t.Helper()
	for i := range n {
		err := w.p.Change(w.t.Context(), ada, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "source.changed", Subject: fmt.Sprint(i), Personal: map[string]string{"name": "Ada"}})
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// open opens a key with a receipt, as listening does.
func (w *world) open() {
	w.t.Helper()
	keys, err := w.keys.Reserve(w.t.Context(), w.p.Customer(), 1)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := w.p.Receipt(w.t.Context(), ada, place.Opening{Subject: "rec_1", Keys: []id.Key{keys[0].Content.ID}, What: "listen"})
	if err == nil {
		_, err = w.keys.Use(w.t.Context(), r, keys[0].Content.ID)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) sign() witness.Signed {
	w.t.Helper()
	c, err := w.s.Sign(w.t.Context(), w.p, ada)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) export(c witness.Chosen) []byte {
	w.t.Helper()
	ctx := context.Background()
	p, err := w.parcels.Ask(ctx, w.p, ada, parcel.Order{Kind: witness.ExportKind, Name: "log.zip", Args: c})
	if err != nil {
		w.t.Fatal(err)
	}
	for range 2 {
		if _, err := w.runner.RunDue(ctx, time.Now().Add(time.Second)); err != nil {
			w.t.Fatal(err)
		}
	}
	o, err := w.parcels.Open(ctx, w.p, ada, p.ID)
	if err != nil {
		got, _ := w.parcels.Read(ctx, w.p, ada, p.ID)
		w.t.Fatal(err, got.Reason)
	}
	f, err := o.Content(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w *world) key() string {
	w.t.Helper()
	st, err := w.s.State(w.t.Context(), w.p)
	if err != nil {
		w.t.Fatal(err)
	}
	return st.Key
}

func verify(name string, b []byte, key string) *proof.Report {
	return proof.Verify(name, bytes.NewReader(b), int64(len(b)), key)
}

// said is what does not hold.
func said(r *proof.Report) string {
	for _, f := range r.Findings {
		if !f.Holds {
			return f.Claim + ": " + f.Text
		}
	}
	return ""
}

func TestCheckpointsAreSignedAndNotForThemselves(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		w := newWorld(t, store)
		if _, err := w.s.Sign(t.Context(), w.p, ada); !fault.Is(err, fault.Conflict) {
			t.Fatalf("nothing was signed: %v", err)
		}
		w.record(3)
		w.open()
		w.s.Turn(t.Context())
		list, err := w.s.List(t.Context(), w.p, 0, 10)
		if err != nil || len(list) != 1 || list[0].Size != 4 || list[0].Openings != 1 {
			t.Fatalf("%+v %v", list, err)
		}
		text, err := journal.OpenNote(list[0].Note, w.key())
		if err != nil {
			t.Fatal(err)
		}
		c, err := journal.ParseCheckpoint(text)
		if err != nil || c.Size != 4 || c.Root != list[0].Root || !strings.HasSuffix(c.Origin, w.p.Customer().String()) {
			t.Fatalf("%+v %v", c, err)
		}
		for range 3 { // its own event is no reason for another
			w.s.Turn(t.Context())
			w.sign()
		}
		if list, _ = w.s.List(t.Context(), w.p, 0, 10); len(list) != 1 {
			t.Fatalf("%d checkpoints of nothing new", len(list))
		}
		w.record(1)
		w.s.Turn(t.Context())
		if list, _ = w.s.List(t.Context(), w.p, 0, 1); list[0].Size != 6 {
			t.Fatalf("%+v", list)
		}
	})
}

func TestWitnessesAreSentCheckpoints(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		w := newWorld(t, store)
		if _, err := w.s.Add(t.Context(), w.p, ada, "not an address", time.Hour); !fault.Is(err, fault.Invalid) {
			t.Error(err)
		}
		if _, err := w.s.Add(t.Context(), w.p, ada, "eve@example.com", time.Minute); !fault.Is(err, fault.Invalid) {
			t.Error(err)
		}
		eve, err := w.s.Add(t.Context(), w.p, ada, "eve@example.com", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.s.Add(t.Context(), w.p, ada, "eve@example.com", time.Hour); !fault.Is(err, fault.Conflict) {
			t.Error("twice:", err)
		}
		w.s.Turn(t.Context())
		w.record(1)
		w.s.Turn(t.Context())
		mails := w.box.Mails()
		if len(mails) != 1 || mails[0].To != "eve@example.com" || !strings.Contains(mails[0].Text, "ringfence/") {
			t.Fatalf("%d mails: %+v", len(mails), mails)
		}
		_, kept, _ := strings.Cut(mails[0].Text, "ringfence/")
		if r := verify("mail", []byte("ringfence/"+kept), w.key()); !r.Holds() {
			t.Errorf("what was mailed does not hold: %+v", r.Findings)
		}
		w.now = w.now.Add(2 * time.Hour)
		w.s.Turn(t.Context())
		if len(w.box.Mails()) != 2 {
			t.Errorf("%d mails after two hours", len(w.box.Mails()))
		}
		if err := w.s.Remove(t.Context(), w.p, ada, eve.ID); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCosignature(t *testing.T) {
	w := newWorld(t, placetest.New(t, schemas()))
	w.record(1)
	c := w.sign()
	skey, vkey, err := note.GenerateKey(rand.Reader, "bank.example")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(c.Note, "\n\n")
	both, err := note.Sign(&note.Note{Text: text + "\n"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(both), "\n\n")
	got, err := w.s.Cosign(t.Context(), w.p, ada, c.Size, vkey, line)
	if err != nil || len(got.Cosigned) != 1 || got.Cosigned[0].Name != "bank.example" || !strings.Contains(got.Note, "— bank.example ") {
		t.Fatalf("%+v %v", got, err)
	}
	if r := verify("kept", []byte(got.Note), w.key()); !r.Holds() {
		t.Errorf("%+v", r.Findings)
	}
	other := line[:len(line)-12]
	for name, bad := range map[string][2]string{"cut": {vkey, other}, "nothing": {vkey, ""}, "no key": {"x", line}, "two": {vkey, line + line}} {
		if _, err := w.s.Cosign(t.Context(), w.p, ada, c.Size, bad[0], bad[1]); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestExportsHold(t *testing.T) {
	placetest.Run(t, schemas(), func(t *testing.T, store *place.Store) {
		w := newWorld(t, store)
		w.record(20)
		w.open()
		first := w.sign()
		w.record(5)
		w.sign()
		w.record(2)
		if err := w.p.Change(t.Context(), ada, func(tx *place.Tx) error { _, err := journal.Erase(tx, "per_1", []int64{3, 5}); return err }); err != nil {
			t.Fatal(err)
		}
		whole := w.export(witness.Chosen{Whole: true})
		part := w.export(witness.Chosen{From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour)})
		for name, b := range map[string][]byte{"whole": whole, "part": part} {
			r := verify(name, b, w.key())
			if !r.Holds() {
				t.Fatalf("%s: %+v", name, r.Findings)
			}
			all := proof.Compare([]*proof.Report{r, verify("kept", []byte(first.Note), "")})
			if !all.Holds() {
				t.Errorf("%s against a checkpoint that was kept: %+v", name, all.Findings)
			}
		}
		if r := proof.Compare([]*proof.Report{verify("whole", whole, ""), verify("part", part, "")}); !r.Holds() {
			t.Errorf("%+v", r.Findings)
		}
	})
}

func TestForgeriesAreFound(t *testing.T) {
	w := newWorld(t, placetest.New(t, schemas()))
	w.record(10)
	w.open()
	w.open()
	kept := w.sign()
	w.record(5)
	w.sign()
	sound := w.forger().file(true)
	if r := verify("as it is", sound, w.key()); !r.Holds() {
		t.Fatalf("the forger's own hand is worse than ours: %+v", r.Findings)
	}
	if r := proof.Compare([]*proof.Report{verify("as it is", sound, w.key()), verify("kept", []byte(kept.Note), w.key())}); !r.Holds() {
		t.Fatalf("%+v", r.Findings)
	}
	granted := func(f *forger) (at []int) {
		for i, l := range f.lines {
			if l.Code == "opening.granted" {
				at = append(at, i)
			}
		}
		return at
	}
	renumber := func(f *forger) {
		for i := range f.lines {
			f.lines[i].Position = int64(i) + 1
		}
	}
	for name, c := range map[string]struct {
		do   func(f *forger)
		want string
	}{
		"an event altered after the checkpoint": {func(f *forger) { f.lines[3].ActorID = "per_other" }, "forked or rewritten"},
		"rows swapped":                          {func(f *forger) { f.lines[3], f.lines[4] = f.lines[4], f.lines[3]; renumber(f) }, "forked or rewritten"},
		"an event left out":                     {func(f *forger) { f.lines = append(f.lines[:3:3], f.lines[4:]...); renumber(f) }, "forked or rewritten"},
		"an opening left out":                   {func(f *forger) { i := granted(f)[0]; f.lines = append(f.lines[:i:i], f.lines[i+1:]...); renumber(f) }, "of which the log says nothing"},
		"a receipt used twice":                  {func(f *forger) { g := granted(f); f.lines[g[1]].Facts = f.lines[g[0]].Facts; f.opened = f.opened[:1] }, "used twice"},
		"a receipt counted twice":               {func(f *forger) { f.opened = append(f.opened, f.opened[0]) }, "used twice"},
		"another way of opening":                {func(f *forger) { f.opened[0].What = "download" }, "something else was opened"},
		"more keys than were said":              {func(f *forger) { f.opened[0].Keys = 9 }, "more or something else"},
		"a checkpoint of more openings":         {func(f *forger) { f.count = 99 }, "openings were taken out"},
		"history forked":                        {func(f *forger) { f.lines = f.lines[:5]; f.opened = nil; f.count = 0 }, "none of the files says what the log was"},
	} {
		t.Run(name, func(t *testing.T) {
			f := w.forger()
			c.do(f)
			r := verify("forged", f.file(true), w.key())
			text := said(r)
			if text == "" {
				text = said(proof.Compare([]*proof.Report{r, verify("kept", []byte(kept.Note), w.key())}))
			}
			if !strings.Contains(text, c.want) {
				t.Errorf("found %q, want %q", text, c.want)
			}
		})
	}
	t.Run("events beside the checkpoint", func(t *testing.T) {
		f := w.forger()
		if text := said(verify("forged", f.file(false), w.key())); !strings.Contains(text, "not those of the checkpoint") {
			t.Error(text)
		}
	})
	t.Run("another key", func(t *testing.T) {
		f := w.forger()
		public, private, _ := ed25519.GenerateKey(rand.Reader)
		f.signer = journal.Signer{Public: public, SignRaw: func(b []byte) ([]byte, error) { return ed25519.Sign(private, b), nil }}
		if text := said(verify("forged", f.file(true), w.key())); !strings.Contains(text, "not the key that you gave") {
			t.Error(text)
		}
	})
}
