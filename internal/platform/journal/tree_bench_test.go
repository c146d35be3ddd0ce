package journal_test

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// BenchmarkSequence: events for a while, one Change each, then taken into the tree.
// What sequencing costs is held against what the Changes took, in the same run.
func BenchmarkSequence(b *testing.B) {
	on := func(b *testing.B, s *place.Store) {
		const n = 2000
		for b.Loop() {
			p := placetest.Customer(b, s)
			began := time.Now()
			for range n {
				if err := p.Change(b.Context(), ada, func(tx *place.Tx) error {
					tx.Record(place.Event{Code: "place.created", Subject: "rec_1", Facts: map[string]string{"n": "1"}, Personal: map[string]string{"name": "Ada"}})
					return nil
				}); err != nil {
					b.Fatal(err)
				}
			}
			changes := time.Since(began)
			fill(b, p, 20_000)
			began = time.Now()
			size := sequence(b, p)
			took := time.Since(began)
			each := took / time.Duration(size)
			b.ReportMetric(float64(each.Nanoseconds())/float64((changes/n).Nanoseconds())*100, "%-of-a-change(bound:10)")
			b.ReportMetric(float64(size)/took.Seconds(), "events/s(bound:2000)")
		}
	}
	b.Run("SQLite", func(b *testing.B) { on(b, placetest.New(b, treeSchemas)) })
	b.Run("PostgreSQL", func(b *testing.B) {
		on(b, placetest.Open(b, place.Config{Postgres: placetest.Postgres(b)}, treeSchemas))
	})
}

// BenchmarkProof: a proof over ten million events, from tiles in SQLite. The tree
// is made of synthetic leaves; what a proof costs does not depend on them.
func BenchmarkProof(b *testing.B) {
	s := placetest.New(b, treeSchemas)
	p := placetest.Customer(b, s)
	const size = 10_000_000
	var hash tlog.Hash
	leaf := func(i int64) tlog.Hash {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(i))
		return sha256.Sum256(n[:])
	}
	if err := journal.Synthetic(b.Context(), p, size, leaf); err != nil {
		b.Fatal(err)
	}
	if err := p.View(b.Context(), func(tx *place.Tx) (err error) { hash, err = journal.TreeOf(tx).Root(size); return err }); err != nil {
		b.Fatal(err)
	}
	at, bytes := int64(1), 0
	var took time.Duration
	n := 0
	for b.Loop() {
		at = (at*7919 + 104729) % size
		began := time.Now()
		var proof tlog.RecordProof
		if err := p.View(b.Context(), func(tx *place.Tx) (err error) { proof, err = journal.TreeOf(tx).Inclusion(size, at+1); return err }); err != nil {
			b.Fatal(err)
		}
		took += time.Since(began)
		n++
		if err := tlog.CheckRecord(proof, size, hash, at, leaf(at)); err != nil {
			b.Fatal(err)
		}
		bytes = max(bytes, len(proof)*(44+3))
	}
	b.ReportMetric(float64(took.Microseconds())/float64(n)/1000, "ms/proof(bound:1)")
	b.ReportMetric(float64(bytes), "B/proof(bound:1500)")
}
