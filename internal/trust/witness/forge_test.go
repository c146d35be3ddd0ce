package witness_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/proof"
)

// forge makes a whole export of any events, with the reference's own tree. Where
// it does not sequence, the checkpoint is of one event more than it should be
// altered.
func forge(t testing.TB, signer journal.Signer, c id.Customer, lines []journal.Line, opened []proof.Opening, count int64, right bool) []byte {
	t.Helper()
	no := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(at []int64) (out []tlog.Hash, err error) {
		for _, i := range at {
			out = append(out, stored[i])
		}
		return out, nil
	})
	var events, list bytes.Buffer
	for i, l := range lines {
		leaf, err := l.Leaf()
		no(err)
		if !right && i == 2 {
			leaf = append(leaf, 'x')
		}
		more, err := tlog.StoredHashes(int64(i), leaf, read)
		no(err)
		stored = append(stored, more...)
		no(json.NewEncoder(&events).Encode(l))
	}
	for _, o := range opened {
		no(json.NewEncoder(&list).Encode(o))
	}
	root, err := tlog.TreeHash(int64(len(lines)), read)
	no(err)
	origin, size := journal.Origin(signer.Public, c), int64(len(lines))
	head, err := signer.SignNote(journal.Checkpoint{Origin: origin, Size: size, Root: root, Openings: count, At: time.Now().UTC().Truncate(time.Second)}.Text())
	no(err)
	counted, err := signer.SignNote(proof.CountText(origin, size, int64(len(opened)), list.Bytes()))
	no(err)
	key, err := journal.VerifierKey(signer.Public)
	no(err)
	var out bytes.Buffer
	w := proof.NewWriter(&out)
	no(w.Add(proof.EventsName, events.Bytes()))
	no(w.Add(proof.OpeningsName, list.Bytes()))
	no(w.Add(proof.CountName, []byte(counted)))
	no(w.Add(proof.OlderName, nil))
	no(w.Add(proof.CheckpointName, []byte(head)))
	no(w.Close(proof.Manifest{Format: proof.LogFormat, ID: "x", Origin: origin, Customer: c.String(), Key: key, Size: size, Whole: true}, signer.SignNote))
	return out.Bytes()
}

// A forger has the installation's key and the whole database: all he does not
// have is what left the house before.
type forger struct {
	w      *world
	signer journal.Signer
	lines  []journal.Line
	opened []proof.Opening
	count  int64
}

func (w *world) forger() *forger {
	w.t.Helper()
	signer, err := w.s.Signer(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	f := &forger{w: w, signer: signer}
	if err := w.p.View(w.t.Context(), func(tx *place.Tx) (err error) { f.lines, err = journal.Lines(tx, 0, 10_000); return err }); err != nil {
		w.t.Fatal(err)
	}
	counted, err := w.keys.OpeningList(w.t.Context(), w.p.Customer())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, o := range counted {
		f.opened = append(f.opened, proof.Opening{Receipt: o.Receipt.String(), At: o.At, What: o.What, Keys: o.Keys})
	}
	f.count = int64(len(counted))
	return f
}

// file is a whole export, made and signed as a true one is, of what the forger has.
func (f *forger) file(sequence bool) []byte {
	return forge(f.w.t, f.signer, f.w.p.Customer(), f.lines, f.opened, f.count, sequence)
}
