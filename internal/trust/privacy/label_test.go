package privacy

import (
	"strings"
	"testing"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/approval"
)

// A label that makes recordings go tonight, put on or taken off, takes their
// exact count; what is held or young is not counted, and does not go.
func TestLabellingAsksHowManyGo(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		tag := func(name string) id.Tag {
			made, err := w.Service.MakeTag(ctx, w.Place, w.Who, name)
			w.no(err)
			return made.ID
		}
		shorter, longer := tag("done with"), tag("kept")
		a, b, held, young, sales := w.old("a.wav", 1, 50, ""), w.old("b.wav", 2, 50, ""), w.old("c.wav", 3, 50, ""), w.old("d.wav", 4, 5, ""), w.old("e.wav", 5, 50, "sales")
		w.no(w.s.Label(ctx, w.Place, w.Who, Labelling{Tag: longer, Recordings: []id.Recording{sales}}))
		policy := days(400, rule("short", 30, When{Tags: []id.Tag{shorter}}), rule("sales", 30, When{Queues: []string{"sales"}}),
			rule("kept sales", 400, When{Queues: []string{"sales"}, Tags: []id.Tag{longer}}))
		_, err := w.s.Save(ctx, w.Place, w.Who, policy, Saving{Version: w.settings().Version, Reason: "a test"})
		w.no(err)
		_, err = w.approvals.Approve(ctx, w.Place, w.other, w.settings().Pending.Approval, approval.Decision{May: everything})
		w.no(err)
		w.no(w.Place.Change(ctx, w.Who, func(tx *place.Tx) error {
			row, err := w.Service.Lookup(tx, held)
			if err != nil {
				return err
			}
			tx.Record(place.Event{Code: "hold.placed"})
			_, _, err = w.Service.Hold(tx, id.New[id.Hold](), []int64{row.N})
			return err
		}))
		tagged := func(rec id.Recording) (n int) {
			w.no(w.Place.View(ctx, func(tx *place.Tx) (err error) {
				n, err = place.Row[int](tx, `SELECT count(*) FROM recording_tags t JOIN recordings r ON r.n = t.n WHERE r.id = ?`, rec)
				return err
			}))
			return n
		}
		for _, c := range []struct {
			l    Labelling
			goes int64
			says string
		}{
			{Labelling{Tag: shorter, Recordings: []id.Recording{a, b, held, young, a}}, 2, "2 recordings"},
			{Labelling{Tag: longer, Off: true, Recordings: []id.Recording{sales, young}}, 1, "1 recordings"},
		} {
			if n, err := w.s.LabelPreview(ctx, w.Place, c.l); err != nil || n != c.goes {
				t.Errorf("%d would go, %v; want %d", n, err, c.goes)
			}
			before := tagged(c.l.Recordings[0])
			for _, wrong := range []*int64{nil, ptr(0), ptr(c.goes + 1), ptr(int64(len(c.l.Recordings)))} {
				c.l.Confirm = wrong
				err := w.s.Label(ctx, w.Place, w.Who, c.l)
				if f := fault.Of(err); f.Kind != fault.Invalid || len(f.Details) != 1 || f.Details[0].Path != "confirm" || !strings.HasPrefix(f.Details[0].Text, c.says) {
					t.Fatalf("%v", err)
				}
			}
			if tagged(c.l.Recordings[0]) != before {
				t.Error("what was refused was done")
			}
			c.l.Confirm = ptr(c.goes)
			w.no(w.s.Label(ctx, w.Place, w.Who, c.l))
		}
		if ran, err := w.s.Run(ctx, w.Place); err != nil || ran.Destroyed != 3 {
			t.Fatalf("%+v, %v", ran, err)
		}
		for rec, want := range map[id.Recording]bool{a: false, b: false, sales: false, held: true, young: true} {
			if w.there(rec) != want {
				t.Errorf("%s is there: %v", rec, !want)
			}
		}
		// What harms nothing asks for nothing; who is gone is told so, and nobody is labelled.
		w.no(w.s.Label(ctx, w.Place, w.Who, Labelling{Tag: shorter, Off: true, Recordings: []id.Recording{held, young}}))
		if err := w.s.Label(ctx, w.Place, w.Who, Labelling{Tag: shorter, Recordings: []id.Recording{young, a}}); !fault.Is(err, fault.Gone) || tagged(young) != 0 {
			t.Errorf("%v, %d labels", err, tagged(young))
		}
	})
}
