package person_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/journal"
	"ringfence/internal/platform/paper"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/parcel"
	"ringfence/internal/trust/person"
)

// signing are options with a key for documents.
func signing(at time.Time) (person.Options, error) {
	key, _, err := paper.NewKey("Test installation", at)
	return person.Options{
		Sign: func(_ ctx, text []byte) ([]byte, error) { return key.SignText(text) },
		Paper: func(_ ctx, pdf []byte, title string, at time.Time) ([]byte, error) {
			return key.Sign(pdf, title, at)
		},
		Name: func(context.Context, id.Node) string { return "Oak & Ember" },
	}, err
}

// signs has the requests of a world certified.
func (w *world) signs(more func(o *person.Options)) {
	w.Helper()
	o, err := signing(time.Now())
	w.no(err)
	o.Store, o.Recordings, o.Few, o.Stores = w.Store, w.Service, 4, []person.Store{w.notes()}
	if more != nil {
		more(&o)
	}
	w.persons = person.New(o)
}

// end ends a request, has it signed, and reads its certificate, which says nothing of
// anybody, whatever was written.
func (w *world) end(c id.PersonRequest, refused bool) *person.Certificate {
	w.Helper()
	_, err := w.persons.End(w.Context(), w.Place, ada, c, refused, "Canary outcome for Agnes")
	w.no(err)
	if w.later != nil {
		w.later()
	}
	w.no(certify(w.Context(), w.World, w.persons, time.Now().Add(time.Second)))
	return w.certificate(c)
}

func (w *world) certificate(c id.PersonRequest) *person.Certificate {
	w.Helper()
	paged, err := w.persons.CertificateOf(w.Context(), w.Place, c, true)
	w.no(err)
	page, _, err := person.Verify(paged)
	if err != nil || !bytes.HasPrefix(paged, []byte("%PDF-")) {
		w.Error("the PDF:", err)
	}
	file, err := w.persons.CertificateOf(w.Context(), w.Place, c, false)
	w.no(err)
	for _, word := range []string{"Canary", "Kanary", "Agnes", "4960187", "4961870", "192.0.2", ada.ID, ada.Session.String(), "rec_", "per_", "ses_"} {
		if bytes.Contains(file, []byte(word)) {
			w.Errorf("the certificate says %q: %s", word, file)
		}
	}
	cert, _, err := person.Verify(file)
	w.no(err)
	if !reflect.DeepEqual(page, cert) {
		w.Errorf("the PDF says %+v, the JSON %+v", page, cert)
	}
	w.inTheLog(cert)
	return cert
}

// inTheLog holds each act against the change log.
func (w *world) inTheLog(c *person.Certificate) {
	w.Helper()
	w.no(w.Place.View(w.Context(), func(tx *place.Tx) error {
		last := int64(0)
		for _, a := range c.Acts {
			n, err := place.Row[int64](tx, `SELECT count(*) FROM events WHERE pos = ? AND code = ? AND at = ? AND id = ?`, a.Position, a.Code, a.At.UnixMilli(), must(id.Parse[id.Event](a.Event)))
			if err != nil || n != 1 || a.Position <= last {
				w.Errorf("%+v does not stand in the change log: %v", a, err)
			}
			last = a.Position
		}
		return nil
	}))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func codes(c *person.Certificate) (all []string) {
	for _, a := range c.Acts {
		all = append(all, a.Code)
	}
	return all
}

func said(c *person.Certificate, what string) bool {
	return slices.ContainsFunc(c.Acts, func(a person.Act) bool { return strings.Contains(a.What, what) })
}

var before = []string{"request.opened", "request.searched", "request.identified"}

// Each right has its certificate: the clock, the acts that are its own in the order of
// the log, and of another's request nothing.
func TestEachRightIsCertified(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		parcels := parcel.New(parcel.Options{Store: w.Store, Keys: w.Keys, Objects: w.Bucket})
		w.signs(func(o *person.Options) {
			o.Certify = func(ctx ctx, p *place.Place, d person.Done) error {
				return p.Change(ctx, ada, func(tx *place.Tx) error {
					tx.Record(place.Event{Code: "certificate.signed", Subject: id.Certificate(d.Run).String(), Facts: map[string]string{"run": d.Run.String()}})
					return nil
				})
			}
			o.Certified = func(_ ctx, _ *place.Place, run id.Destruction) ([]string, error) {
				return []string{id.Certificate(run).String()}, nil
			}
		})
		parcels.Register(person.KindPack, w.persons.Maker())
		mine := w.call("mine", agnes, "Agnes Canary", 1, 2, customerSaid(0, "my own words"))
		w.call("more", agnes, "Agnes Canary", 2, 2)
		ids := person.Identifiers{Numbers: []string{agnes}, Names: []string{"Agnes Canary"}}
		begin := func(right person.Right) person.Case {
			c := w.begin(right, ids)
			w.decide(c.ID, func(it person.Item) bool { return it.Store == "recordings" })
			return c
		}
		check := func(c person.Case, right person.Right, article int, acts ...string) *person.Certificate {
			t.Helper()
			got := w.end(c.ID, false)
			want := slices.Concat(before, slices.Repeat([]string{"request.decided"}, len(w.items(c.ID))), acts, []string{"request.ended"})
			if !slices.Equal(codes(got), want) {
				t.Errorf("%s: %q, want %q", right, codes(got), want)
			}
			f := got.Finds
			if got.Request != c.ID.String() || got.Right != right || got.Article != article || got.State != person.Answered || !got.InTime || got.Name != "Oak & Ember" ||
				got.Customer != w.Place.Customer().String() || !got.Received.Equal(c.ReceivedAt.Truncate(time.Millisecond)) || got.Identified == nil || got.Ended.IsZero() ||
				f.Confirmed == 0 || f.Found != f.Confirmed+f.Rejected || f.Undecided != 0 {
				t.Errorf("%+v", got)
			}
			return got
		}

		for _, right := range []person.Right{person.Access, person.Portability} {
			c := begin(right)
			var acts []string
			if right == person.Access {
				longer, err := w.persons.Extend(t.Context(), w.Place, ada, c.ID, "Canary reason: Agnes called often")
				w.no(err)
				acts, c.DueAt = append(acts, "request.extended"), longer.DueAt
			}
			ordered, err := w.persons.AskPack(t.Context(), w.Place, ada, parcels, c.ID)
			w.no(err)
			_, err = job.NewRunner(w.Store, parcels.Kinds(), job.Options{}).RunDue(t.Context(), time.Now().Add(time.Minute))
			w.no(err)
			sum := sha256.Sum256(taken(t, w, parcels, ordered.ID)["manifest.json"])
			got := check(c, right, map[person.Right]int{person.Access: 15, person.Portability: 20}[right], append(acts, "request.pack-asked", "export.ready")...)
			if !said(got, "files, SHA-256 of its manifest "+hex.EncodeToString(sum[:])) {
				t.Errorf("what was handed over cannot be told by it: %+v", got.Acts)
			}
			if long := right == person.Access; (got.Extended != nil) != long || long && (!got.Extended.Equal(c.DueAt) || !got.Due.Before(c.DueAt.AddDate(0, -1, -25))) {
				t.Errorf("%s: due %v, extended %v", right, got.Due, got.Extended)
			}
		}

		c := begin(person.Restrict)
		n, err := w.persons.Restrict(t.Context(), w.Place, ada, c.ID)
		w.no(err)
		w.later = func() { // what comes after the end is not in it
			_, err = w.persons.Lift(t.Context(), w.Place, ada, c.ID, "Canary told Agnes")
			w.no(err)
		}
		if got := check(c, person.Restrict, 18, "request.restricted"); n != 2 || !said(got, "2 recordings restricted") {
			t.Errorf("%+v", got.Acts)
		}
		w.later = nil

		c = begin(person.Object)
		for _, what := range [][]string{{"transcription", "search"}, {"transcription"}} {
			_, err = w.persons.ObjectTo(t.Context(), w.Place, ada, c.ID, what)
			w.no(err)
		}
		if got := check(c, person.Object, 21, "request.objected", "request.objected"); !said(got, "objected to transcription, search") {
			t.Errorf("%+v", got.Acts)
		}

		c = begin(person.Rectify)
		for _, fix := range []recording.Correction{{Field: "name", Old: "Agnes Canary", New: "Agnes Kanary"}, {Field: "number", Old: agnes, New: "+441614961870"}} {
			_, err := w.persons.Rectify(t.Context(), w.Place, ada, c.ID, find(w.items(c.ID), mine.String()).ID, fix)
			w.no(err)
		}
		if got := check(c, person.Rectify, 16, "call.corrected", "call.corrected"); !said(got, "a card put right: a name") || !said(got, "a card put right: a number") {
			t.Errorf("%+v", got.Acts)
		}

		c = w.begin(person.Erase, person.Identifiers{Numbers: []string{agnes, "+441614961870"}})
		w.decide(c.ID, func(it person.Item) bool { return it.Store == "recordings" })
		_, err = w.persons.Decide(t.Context(), w.Place, ada, c.ID, person.Decision{
			Items: []id.Found{find(w.items(c.ID), mine.String()).ID}, Verdict: person.Confirmed, Ground: "legal-claim", Because: "Canary sues Agnes",
		})
		w.no(err)
		w.no(w.persons.Erase(t.Context(), w.Place, ada, c.ID, 1))
		got := check(c, person.Erase, 17, "request.decided", "request.erasure-ordered", "certificate.signed", "request.erased")
		if len(got.Erasures) != 1 || len(got.Erasures[0].Certificates) != 1 || !said(got, got.Erasures[0].Certificates[0]) || !said(got, got.Erasures[0].Run) ||
			!said(got, person.Grounds["legal-claim"]) || !said(got, "1 find erased, 1 find kept") {
			t.Errorf("%+v", got)
		}
	})
}

// Refused, and late: the certificate says so. A request that is not ended has none, one
// that was deleted takes it along, and what was ended without one is signed by night.
func TestTheCertificateOfARefusal(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.persons = person.New(person.Options{Store: w.Store, Recordings: w.Service}) // as a release that signs none
		old := w.begin(person.Access, person.Identifiers{Numbers: []string{agnes}})
		_, err := w.persons.End(t.Context(), w.Place, ada, old.ID, false, "told")
		w.no(err)
		now := time.Now()
		w.signs(func(o *person.Options) { o.Now = func() time.Time { return now } })
		c, err := w.persons.Begin(t.Context(), w.Place, ada, person.Draft{
			Right: person.Access, ReceivedAt: now.AddDate(0, -2, 0), Subject: person.Subject{Name: "Agnes Canary", Notes: "Canary notes", Identifiers: person.Identifiers{Numbers: []string{agnes}}},
		})
		w.no(err)
		if _, err := w.persons.CertificateOf(t.Context(), w.Place, c.ID, false); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "not answered yet") {
			t.Error(err)
		}
		if _, err := w.persons.CertificateOf(t.Context(), w.Place, id.New[id.PersonRequest](), false); !fault.Is(err, fault.NotFound) {
			t.Error(err)
		}
		if _, err := w.persons.CertificateOf(t.Context(), w.Place, old.ID, false); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "being signed") {
			t.Error(err)
		}
		got := w.end(c.ID, true)
		if got.State != person.Refused || got.InTime || got.Identified != nil || !said(got, "the request was refused, late") {
			t.Errorf("%+v", got)
		}
		if n, err := w.persons.Uncertified(t.Context(), w.Place); err != nil || n != 1 {
			t.Error(n, err)
		}
		w.no(certify(t.Context(), w.World, w.persons, now.Add(time.Minute)))
		if got := w.certificate(old.ID); got.State != person.Answered || !slices.Equal(codes(got), append(slices.Clone(before), "request.ended")) {
			t.Errorf("%+v", got)
		}
		if n, err := w.persons.Uncertified(t.Context(), w.Place); err != nil || n != 0 {
			t.Error(n, err)
		}
		now = now.Add((person.DefaultKept + 1) * 24 * time.Hour)
		if n, err := w.persons.Purge(t.Context(), w.Place); err != nil || n != 2 {
			t.Error(n, err)
		}
		w.no(w.Place.View(t.Context(), func(tx *place.Tx) error {
			left, err := place.Row[int64](tx, `SELECT count(*) FROM person_certificates`)
			if left != 0 {
				t.Errorf("%d certificates of requests that were deleted are left", left)
			}
			return err
		}))
	})
}

// Whatever byte of what is said is changed, the file is refused; so is another document.
func TestAChangedCertificateIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.signs(nil)
		c := w.begin(person.Object, person.Identifiers{Numbers: []string{agnes}})
		w.end(c.ID, false)
		file, err := w.persons.CertificateOf(t.Context(), w.Place, c.ID, false)
		w.no(err)
		var e paper.Envelope
		w.no(json.Unmarshal(file, &e))
		for at := range len(e.Certificate) {
			changed := []byte(e.Certificate)
			changed[at] ^= 1
			other, err := json.Marshal(paper.Envelope{What: e.What, Certificate: string(changed), Signature: e.Signature})
			w.no(err)
			if _, _, err := person.Verify(other); !fault.Is(err, fault.Denied) {
				t.Fatalf("%q: %v", changed[at:min(at+20, len(changed))], err)
			}
		}
		pdf, err := w.persons.CertificateOf(t.Context(), w.Place, c.ID, true)
		w.no(err)
		for at := 8; at < len(pdf)/2; at += 97 {
			changed := bytes.Clone(pdf)
			changed[at] ^= 1
			if _, _, err := person.Verify(changed); !fault.Is(err, fault.Denied) && !fault.Is(err, fault.Invalid) {
				t.Fatalf("byte %d of %d: %v", at, len(pdf), err)
			}
		}
		if _, _, err := person.Verify(must(letter())); !fault.Is(err, fault.Invalid) {
			t.Errorf("a signed letter: %v", err)
		}
		for _, other := range []string{"", "{}", `{"what":"ringfence destruction certificate"}`} {
			if _, _, err := person.Verify([]byte(other)); !fault.Is(err, fault.Invalid) {
				t.Errorf("%q: %v", other, err)
			}
		}
	})
}

// letter is another document, signed.
func letter() ([]byte, error) {
	o, err := signing(time.Now())
	if err != nil {
		return nil, err
	}
	pdf, err := person.LetterPaper(person.Case{}, "answer", time.Now())
	if err != nil {
		return nil, err
	}
	return o.Paper(context.Background(), pdf, "Letter", time.Now())
}

// Facts that are not what they have to be are not repeated.
func TestWhatACertificateRepeats(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.signs(nil)
		c := w.begin(person.Object, person.Identifiers{Numbers: []string{agnes}})
		wrong := map[string]string{}
		for _, key := range []string{"due", "found", "checked", "verdict", "ground", "finds", "recordings", "what", "erase", "keep", "erased", "kept", "files", "manifest", "field", "state", "late", "done"} {
			wrong[key] = "Agnes Canary 0187"
		}
		w.no(w.Place.Change(t.Context(), ada, func(tx *place.Tx) error {
			for _, code := range journal.Codes {
				tx.Record(place.Event{Code: code.Code, Subject: c.ID.String(), Why: "Canary", Facts: wrong, Personal: map[string]string{"name": "Agnes Canary"}})
			}
			return nil
		}))
		got := w.end(c.ID, false)
		if len(got.Acts) < 20 || len(got.Acts) > 30 || slices.Contains(codes(got), "person.added") {
			t.Errorf("%d acts: %q", len(got.Acts), codes(got))
		}
	})
}

// Whatever the file, the answer is a certificate or a reason.
func FuzzVerify(f *testing.F) {
	f.Add([]byte(`{"what":"ringfence certificate of a person's request","certificate":"{}","signature":"AAAA"}`))
	f.Add([]byte("%PDF-1.4"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if c, _, err := person.Verify(file); err == nil && c == nil {
			t.Error("neither a certificate nor an error")
		}
	})
}
