package evidence_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/platform/webhook"
	"ringfence/internal/trust/evidence"
	"ringfence/internal/trust/parcel"
	"ringfence/internal/trust/proof"
	"ringfence/internal/trust/witness"
)

// more are the tables of the packages that evidence files need.
func more() place.Schemas {
	return place.Schemas{
		Place:        join(parcel.Migrations(), journal.Migrations(), witness.Migrations(), webhook.Migrations()),
		Housekeeping: join(parcel.Housekeeping(), journal.Housekeeping(), witness.Housekeeping(), webhook.Housekeeping()),
	}
}

func join[T any](all ...[]T) (out []T) {
	for _, a := range all {
		out = append(out, a...)
	}
	return out
}

type world struct {
	*recordingtest.World
	t       testing.TB
	parcels *parcel.Service
	witness *witness.Service
	runner  *job.Runner
}

var ada = actor.ForPerson(id.New[id.Person](), id.New[id.Session](), "192.0.2.7")

func newWorld(t testing.TB) *world {
	t.Helper()
	all := recordingtest.Schemas(more().Place)
	all.Housekeeping = join(all.Housekeeping, more().Housekeeping)
	w := &world{World: recordingtest.On(t, placetest.New(t, all), recording.Options{}), t: t}
	w.witness = witness.New(witness.Options{Store: w.Store, Keys: w.Keys, Mail: &mail.Mailbox{}})
	w.parcels = parcel.New(parcel.Options{Store: w.Store, Keys: w.Keys, Objects: w.Bucket})
	w.parcels.Register(evidence.Kind, evidence.New(w.Service, w.witness, time.Now).Maker("recording.download"))
	w.parcels.Register(witness.ExportKind, w.witness.Maker("journal.export"))
	w.runner = job.NewRunner(w.Store, w.parcels.Kinds(), job.Options{})
	return w
}

// made asks for an export, has it made, and takes it.
func (w *world) made(kind string, args any) []byte {
	w.t.Helper()
	ctx := context.Background()
	p, err := w.parcels.Ask(ctx, w.Place, ada, parcel.Order{Kind: kind, Name: "x.zip", Args: args, Purpose: "court"})
	if err != nil {
		w.t.Fatal(err)
	}
	for range 2 {
		if _, err := w.runner.RunDue(ctx, time.Now().Add(time.Second)); err != nil {
			w.t.Fatal(err)
		}
	}
	if p, err = w.parcels.Read(ctx, w.Place, ada, p.ID); err != nil || p.State != parcel.Ready {
		w.t.Fatalf("%+v %v", p, err)
	}
	o, err := w.parcels.Open(ctx, w.Place, ada, p.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := o.Content(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	b, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

func (w *world) key() string {
	w.t.Helper()
	st, err := w.witness.State(context.Background(), w.Place)
	if err != nil {
		w.t.Fatal(err)
	}
	return st.Key
}

func check(b []byte, key string) *proof.Report {
	return proof.Verify("x.zip", bytes.NewReader(b), int64(len(b)), key)
}

func holds(t testing.TB, r *proof.Report) {
	t.Helper()
	if !r.Holds() {
		t.Fatalf("%+v", r.Findings)
	}
}

func (w *world) evidence() []byte {
	w.t.Helper()
	one, two := w.Archive(w.t, "one.wav", 1), w.Archive(w.t, "two.wav", 2)
	if _, err := w.witness.Sign(context.Background(), w.Place, ada); err != nil {
		w.t.Fatal(err)
	}
	return w.made(evidence.Kind, evidence.Chosen{Recordings: []id.Recording{one, two}})
}

func TestEvidenceHolds(t *testing.T) {
	w := newWorld(t)
	b := w.evidence()
	r := check(b, w.key())
	holds(t, r)
	t.Logf("%d bytes, %+v", len(b), r.Findings)
	holds(t, check(b, ""))
	other := newWorld(t)
	if check(b, other.key()).Holds() {
		t.Error("another installation's key is taken for this one's")
	}
}

// The page in each file says the same as the command: of the file as it is, and
// of every mutation of it.
func TestMutationsAreRefused(t *testing.T) {
	w := newWorld(t)
	b, foreign := w.evidence(), newWorld(t).evidence()
	all := mutations(b, foreign)
	if len(all) < 1000 {
		t.Fatalf("only %d mutations", len(all))
	}
	key := w.key()
	for name, m := range all {
		if bytes.Equal(m, b) {
			t.Fatalf("%s changes nothing", name)
		}
		if check(m, key).Holds() {
			t.Errorf("%s is taken for true", name)
		}
	}
	t.Run("page", func(t *testing.T) { pageRefuses(t, b, all, key) })
}

// pageRefuses runs the page's own script in node, which has the same WebCrypto as
// browsers; web/e2e has a browser look at some of them.
func pageRefuses(t *testing.T, b []byte, all map[string][]byte, key string) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("node is not installed: nobody would notice if the page took a cut bundle for whole")
	}
	dir := t.TempDir()
	_, script, _ := strings.Cut(string(evidence.Page()), "<script>")
	script, _, _ = strings.Cut(script, "</script>")
	names := []string{"whole"}
	write := func(name string, content []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("0.zip", b)
	for name, m := range all {
		write(fmt.Sprint(len(names))+".zip", m)
		names = append(names, name)
	}
	write("page.mjs", []byte(script+`
import { readFileSync } from "node:fs";
const out = [];
for (let i = 0; i < `+fmt.Sprint(len(names))+`; i++) {
  const r = await verifyBundle(new Blob([readFileSync(`+"`${import.meta.dirname}/${i}.zip`"+`)]), process.argv[2]);
  out.push(r);
}
console.log(JSON.stringify(out));
`))
	cmd := exec.Command(node, filepath.Join(dir, "page.mjs"), key)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	said, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v %s", err, stderr.String())
	}
	var results []struct {
		Holds    bool
		Findings []map[string]any
	}
	if err := json.Unmarshal(said, &results); err != nil {
		t.Fatal(err)
	}
	if !results[0].Holds {
		t.Fatalf("the page refuses what is true: %v", results[0].Findings)
	}
	for i, r := range results[1:] {
		if r.Holds {
			t.Errorf("the page takes %s for true", names[i+1])
		}
	}
}
