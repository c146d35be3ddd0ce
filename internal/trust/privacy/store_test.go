package privacy

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/mail"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/trust/approval"
)

func TestMain(m *testing.M) { placetest.Main(m) }

type world struct {
	*recordingtest.World
	t         testing.TB
	s         *Service
	approvals *approval.Service
	box       mail.Mailbox
	now       time.Time
	other     actor.Actor
}

func both(t *testing.T, fn func(t *testing.T, w *world)) {
	placetest.Run(t, recordingtest.Schemas(approval.Migrations(), Migrations()), func(t *testing.T, store *place.Store) { fn(t, on(t, store)) })
}

func on(t testing.TB, store *place.Store) *world {
	w := &world{t: t, now: time.Now().UTC(), other: actor.ForPerson(id.New[id.Person](), id.New[id.Session](), "192.0.2.8")}
	w.World = recordingtest.On(t, store, recording.Options{Now: func() time.Time { return w.now }})
	w.approvals = approval.New(approval.Options{Mail: &w.box, Deciders: func(*place.Tx, access.Act) ([]approval.Decider, error) { return nil, nil }})
	w.s = New(Options{Recordings: w.Service, Approvals: w.approvals, Now: func() time.Time { return w.now }})
	return w
}

func (w *world) no(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func everything(access.Act) bool { return true }

func (w *world) settings() Settings {
	w.t.Helper()
	set, err := w.s.Settings(context.Background(), w.Place)
	w.no(err)
	return set
}

// old archives a recording that began days ago.
func (w *world) old(name string, seed, days int, queue string) id.Recording {
	w.t.Helper()
	it := w.Item(w.t, name, recordingtest.Tone(seed, 1, time.Second))
	it.StartedAt, it.Call.Queue = w.now.AddDate(0, 0, -days), queue
	out, err := w.Service.Archive(context.Background(), w.Place, w.Who, it)
	w.no(err)
	return out.Recording
}

func (w *world) there(rec id.Recording) bool {
	w.t.Helper()
	_, err := w.Service.Get(context.Background(), w.Place, w.Who, rec, recording.Everything)
	if err != nil && !fault.Is(err, fault.Gone) {
		w.t.Fatal(err)
	}
	return err == nil
}

// The rules as a statement find exactly what the rules over facts find, for any
// rules and any recordings, on both engines.
func TestTheStatementAndTheRulesAgree(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ctx, r := t.Context(), random{rand.New(rand.NewPCG(7, 8))}
		const n = 250
		w.no(w.Place.Change(ctx, w.Who, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "recording.captured"})
			for i := range n {
				if err := insert(tx, int64(i+1), r.facts()); err != nil {
					return err
				}
			}
			return nil
		}))
		due, silent := 0, 0
		for i := range 120 {
			p := r.policy()
			if i%6 == 0 {
				p = r.alike()
			}
			switch r.IntN(3) {
			case 0:
				p.Sets = []Applied{{Set: "uk-gdpr"}}
			case 1: // which keeps what it may fit, whatever rules say
				p.Sets = []Applied{{Set: "fca-5", When: r.when()}}
			}
			w.no(w.Place.View(ctx, func(tx *place.Tx) error {
				b, err := p.blinded(tx)
				if err != nil {
					return err
				}
				all, mute := b.goes(at), b.silenced(at)
				goes, err := place.Rows[int64](tx, `SELECT r.n FROM recordings r WHERE `+all.text+` ORDER BY r.n`, all.args...)
				if err != nil {
					return err
				}
				silenced, err := place.Rows[int64](tx, `SELECT r.n FROM recordings r WHERE `+mute.text+` ORDER BY r.n`, mute.args...)
				if err != nil {
					return err
				}
				rows, err := w.Service.RowsOf(tx, numbers(n))
				if err != nil {
					return err
				}
				facts, err := w.s.factsOf(tx, rows)
				if err != nil {
					return err
				}
				due, silent = due+len(goes), silent+len(silenced)
				for _, row := range rows {
					v := Due(b, facts[row.N], at)
					if is, want := slices.Contains(goes, row.N), v.Now == Destroy || v.Now == DestroyKeepingFigures; is != want {
						t.Fatalf("the statement says that %d goes: %v, the rules %v: %+v\n%s", row.N, is, want, facts[row.N], text(p))
					}
					if is, want := slices.Contains(silenced, row.N), v.Now == RemoveSound; is != want {
						t.Fatalf("the statement says that the sound of %d goes: %v, the rules %v: %+v\n%s", row.N, is, want, facts[row.N], text(p))
					}
				}
				return nil
			}))
		}
		if due < 1000 || silent < 100 {
			t.Errorf("only %d went, and %d sounds", due, silent)
		}
	})
}

// The largest policy that is taken can be asked about, on both engines.
func TestTheLargestPolicy(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.old("a.wav", 1, 50, "sales")
		p := days(400)
		for i := range MaxRules {
			r := rule(fmt.Sprint("rule ", i), 40, When{})
			r.Then, r.TextDays = DeleteSound, 60
			for n := range maxNamed / MaxRules {
				r.When.Queues = append(r.When.Queues, fmt.Sprintf("queue %d of %d", n, i))
			}
			p.Rules = append(p.Rules, r)
		}
		w.no(p.Check())
		if _, err := w.s.Preview(t.Context(), w.Place, p); err != nil {
			t.Error(err)
		}
		if _, err := w.s.Goes(t.Context(), w.Place, p, false, 0, 10); err != nil {
			t.Error(err)
		}
	})
}

func numbers(n int) (out []int64) {
	for i := range n {
		out = append(out, int64(i+1))
	}
	return out
}

// insert writes a bare row with the facts that rules ask for.
func insert(tx *place.Tx, n int64, f Facts) error {
	state := recording.TranscriptWaiting
	if f.Scanned {
		state = recording.TranscriptDone
	}
	start := f.StartedAt.UnixMilli()
	_, err := tx.Exec(`INSERT INTO recordings (n, id, call_id, source, ident, content_key, card_key, card, started_at, ended_at, millis, direction, queue, disposition,
		sound, layout, withheld, transcript_state, transcript_reason, transcript_language, transcript_engine, transcript_quality, sentiment_label, bytes, captured_at, stored_receipt)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'complete', '', 0, ?, '', ?, '', '', '', 1, ?, ?)`,
		n, id.New[id.Recording](), id.New[id.Call](), id.New[id.Source](), fmt.Append(nil, n), id.New[id.Key](), id.New[id.Key](), []byte{1}, start, start,
		f.Length.Milliseconds(), f.Direction, f.Queue, f.Outcome, state, f.Language, start, id.New[id.Receipt]())
	if err != nil {
		return err
	}
	for _, x := range append(f.Extensions, map[bool]string{true: "999"}[f.Joined]) {
		if x == "" {
			continue
		}
		token, err := tx.Blind(place.FieldExtension, x)
		if err == nil {
			_, err = tx.Exec(`INSERT INTO parties (token, started_at, n) VALUES (?, ?, ?)`, token, start, n)
		}
		if err != nil {
			return err
		}
	}
	for _, tag := range f.Tags {
		if _, err := tx.Exec(`INSERT INTO recording_tags (tag, n) VALUES (?, ?)`, tag, n); err != nil {
			return err
		}
	}
	for _, m := range f.Marks {
		if _, err := tx.Exec(`INSERT INTO recording_marks (mark, n, at) VALUES (?, ?, 0)`, string(m), n); err != nil {
			return err
		}
	}
	return nil
}

// From the preview to the night: what was shown and confirmed is what goes.
func TestWhatIsPreviewedIsWhatGoes(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		sales, service := w.old("a.wav", 1, 50, "sales"), w.old("b.wav", 2, 50, "service")
		figures, young := w.old("c.wav", 3, 50, "figures"), w.old("d.wav", 4, 5, "sales")
		set := w.settings()
		policy := days(400, rule("short", 30, When{Queues: []string{"sales"}}), Rule{Name: "figures", When: When{Queues: []string{"figures"}}, Days: 40, Then: KeepFigures})
		p, err := w.s.Preview(ctx, w.Place, policy)
		if err != nil || p.Tonight.Recordings != 2 || p.Added != 2 || p.Spared != 0 || p.Now.Recordings != 0 || !p.Shortens || p.Tonight.Bytes == 0 {
			t.Fatalf("%+v, %v", p, err)
		}
		list, err := w.s.Goes(ctx, w.Place, policy, false, 0, 10)
		if err != nil || len(list) != 2 || list[0].ID != sales || list[0].Verdict.Rule.Name != "short" || list[1].Verdict.Now != DestroyKeepingFigures {
			t.Fatalf("%+v, %v", list, err)
		}
		if more, err := w.s.Goes(ctx, w.Place, policy, false, list[0].N, 10); err != nil || len(more) != 1 {
			t.Errorf("beyond the first: %d, %v", len(more), err)
		}
		for _, wrong := range []*int64{nil, ptr(1), ptr(3)} {
			_, err := w.s.Save(ctx, w.Place, w.Who, policy, Saving{Version: set.Version, Confirm: wrong, Reason: "a test"})
			if f := fault.Of(err); f.Kind != fault.Invalid || f.Details[0].Path != "confirm" || !strings.Contains(f.Details[0].Text, "2 recordings") {
				t.Errorf("%v", err)
			}
		}
		if _, err := w.s.Save(ctx, w.Place, w.Who, policy, Saving{Version: set.Version + 1, Confirm: ptr(2), Reason: "a test"}); !fault.Is(err, fault.Conflict) {
			t.Errorf("rules that others changed meanwhile: %v", err)
		}
		if _, err := w.s.Save(ctx, w.Place, w.Who, policy, Saving{Version: set.Version, Confirm: ptr(2)}); !fault.Is(err, fault.Invalid) {
			t.Errorf("shorter without a reason: %v", err)
		}
		done, err := w.s.Save(ctx, w.Place, w.Who, policy, Saving{Version: set.Version, Confirm: ptr(2), Reason: "a test"})
		if err != nil || !done.Pending {
			t.Fatalf("%+v, %v", done, err)
		}
		if ran, err := w.s.Run(ctx, w.Place); err != nil || ran.Destroyed != 0 {
			t.Fatalf("it waits, and %+v, %v", ran, err)
		}
		apr := w.settings().Pending.Approval
		if _, err := w.approvals.Approve(ctx, w.Place, w.Who, apr, approval.Decision{May: everything, Confirm: 2}); !fault.Is(err, fault.Denied) {
			t.Errorf("who asked agreed: %v", err)
		}
		if _, err := w.approvals.Approve(ctx, w.Place, w.other, apr, approval.Decision{May: everything, Confirm: 2}); err != nil {
			t.Fatal(err)
		}
		if ran, err := w.s.Run(ctx, w.Place); err != nil || ran.Destroyed != 2 {
			t.Fatalf("%+v, %v", ran, err)
		}
		for rec, want := range map[id.Recording]bool{sales: false, figures: false, service: true, young: true} {
			if w.there(rec) != want {
				t.Errorf("%s is there: %v", rec, !want)
			}
		}
		w.no(w.Place.View(ctx, func(tx *place.Tx) error {
			n, err := place.Row[int](tx, `SELECT count(*) FROM recording_figures WHERE id = ? AND queue = 'figures' AND millis > 0`, figures)
			if n != 1 {
				t.Errorf("%d rows of figures", n)
			}
			return err
		}))
		longer := days(500, w.settings().Policy.Rules...)
		if done, err := w.s.Save(ctx, w.Place, w.Who, longer, Saving{Version: w.settings().Version}); err != nil || done.Pending || done.Destroyed != 2 {
			t.Errorf("longer takes effect at once, and says what is gone: %+v, %v", done, err)
		}
	})
}

func ptr(n int64) *int64 { return &n }

// Shorter rules come into force by themselves after a week, unless they are
// taken back or set anew.
func TestShorterWaitsAWeek(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		rec := w.old("a.wav", 1, 50, "")
		ask := func() {
			t.Helper()
			_, err := w.s.SetDefault(ctx, w.Place, w.Who, 30, Saving{Confirm: ptr(1), Reason: "a test"})
			w.no(err)
		}
		ask()
		w.no(w.s.Withdraw(ctx, w.Place, w.other))
		w.now = w.now.AddDate(0, 0, 8)
		if ran, err := w.s.Run(ctx, w.Place); err != nil || ran.Destroyed != 0 || w.settings().Policy.Default.Days != 0 {
			t.Fatalf("it was taken back, and %+v, %v", ran, err)
		}
		ask()
		first := w.settings().Pending.Approval
		ask() // anew: the week begins again, and the first request is over
		if _, err := w.approvals.Approve(ctx, w.Place, w.other, first, approval.Decision{May: everything, Confirm: 1}); !fault.Is(err, fault.Conflict) {
			t.Errorf("what was asked for before was agreed to: %v", err)
		}
		w.no(w.Place.Change(ctx, w.Who, func(tx *place.Tx) error { // as if a week had passed
			tx.Record(place.Event{Code: "retention.set"})
			if _, err := tx.Exec(`UPDATE approvals SET not_before = not_before - 700000000 WHERE state = 'waiting'`); err != nil {
				return err
			}
			_, err := tx.Exec(`UPDATE retention_policies SET from_at = from_at - 700000000 WHERE slot = 'pending'`)
			return err
		}))
		if ran, err := w.s.Run(ctx, w.Place); err != nil || ran.Destroyed != 1 || w.there(rec) {
			t.Fatalf("the week is over, and %+v, %v", ran, err)
		}
		if set := w.settings(); set.Pending != nil || set.Policy.Default.Days != 30 {
			t.Errorf("%+v", set)
		}
	})
}

// A hold on a search holds what is there, what comes, and what fits only later;
// two persons lift it.
func TestHoldsLastAndTwoLiftThem(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		sales, other := w.old("a.wav", 1, 50, "sales"), w.old("b.wav", 2, 50, "service")
		for name, c := range map[string]struct {
			a    Asked
			path string
		}{
			"nothing":            {Asked{Matter: "m", Reason: "rrr"}, "recordings"},
			"no such recording":  {Asked{Matter: "m", Reason: "rrr", Recordings: []id.Recording{sales, id.New[id.Recording]()}}, "recordings[1]"},
			"no such source":     {Asked{Matter: "m", Reason: "rrr", Search: &Search{Source: id.New[id.Source]()}}, "search.source_id"},
			"no such queue":      {Asked{Matter: "m", Reason: "rrr", Search: &Search{Queue: "none"}}, "search.queue"},
			"a search of all":    {Asked{Matter: "m", Reason: "rrr", Search: &Search{}}, "search"},
			"what finds nothing": {Asked{Matter: "m", Reason: "rrr", Search: &Search{Extension: "31337"}, Confirm: ptr(0)}, "search"},
			"another count":      {Asked{Matter: "m", Reason: "rrr", Search: &Search{Queue: "sales"}, Confirm: ptr(2)}, "confirm"},
			"no matter":          {Asked{Reason: "rrr", Search: &Search{Queue: "sales"}}, "matter"},
		} {
			if _, err := w.s.Place(ctx, w.Place, w.Who, c.a); !fault.Is(err, fault.Invalid) || fault.Of(err).Details[0].Path != c.path {
				t.Errorf("%s: %v", name, err)
			}
		}
		h, err := w.s.Place(ctx, w.Place, w.Who, Asked{Matter: "Oak v Smith", Reason: "a claim", Search: &Search{Queue: "sales"}, Confirm: ptr(1)})
		if err != nil || h.Count != 1 {
			t.Fatalf("%+v, %v", h, err)
		}
		came := w.old("c.wav", 3, 50, "sales")
		// Its queue becomes known only after it came.
		w.no(w.Place.Change(ctx, w.Who, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "call.amended"})
			_, err := tx.Exec(`UPDATE recordings SET queue = 'sales' WHERE id = ?`, other)
			return err
		}))
		for _, rec := range []id.Recording{sales, came, other} {
			if err := w.Service.Destroy(ctx, w.Place, w.Who, rec, "a test"); !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: %v", rec, err)
			}
		}
		_, err = w.s.SetDefault(ctx, w.Place, w.Who, 30, Saving{Reason: "a test"})
		w.no(err)
		_, err = w.approvals.Approve(ctx, w.Place, w.other, w.settings().Pending.Approval, approval.Decision{May: everything})
		w.no(err)
		if ran, err := w.s.Run(ctx, w.Place); err != nil || ran.Destroyed != 0 {
			t.Fatalf("%+v, %v", ran, err)
		}
		if p, err := w.s.Preview(ctx, w.Place, days(30)); err != nil || p.Tonight.Held != 3 || p.Tonight.Recordings != 0 {
			t.Errorf("%+v, %v", p, err)
		}
		if _, err := w.s.Lift(ctx, w.Place, w.Who, h.ID, "settled", 1); !fault.Is(err, fault.Invalid) {
			t.Errorf("lifted with a wrong count: %v", err)
		}
		apr, err := w.s.Lift(ctx, w.Place, w.Who, h.ID, "settled", 3)
		w.no(err)
		w.old("d.wav", 4, 50, "sales") // comes under it while it waits: the second person confirms what is there then
		for name, c := range map[string]struct {
			who  actor.Actor
			d    approval.Decision
			kind fault.Kind
		}{
			"who asked":                {w.Who, approval.Decision{May: everything, Confirm: 3}, fault.Denied},
			"in another session":       {actor.Actor{Kind: actor.Person, ID: w.Who.ID}, approval.Decision{May: everything, Confirm: 3}, fault.Denied},
			"a token of who asked":     {actor.Actor{Kind: actor.Token, ID: "tok", OnBehalf: w.Who.ID}, approval.Decision{May: everything, Confirm: 3}, fault.Denied},
			"a token of another":       {actor.Actor{Kind: actor.Token, ID: "tok", OnBehalf: w.other.ID}, approval.Decision{May: everything, Confirm: 3}, fault.Denied},
			"who may not lift holds":   {w.other, approval.Decision{May: func(a access.Act) bool { return a == access.ApprovalDecide }, Confirm: 3}, fault.NotFound},
			"who types another number": {w.other, approval.Decision{May: everything, Confirm: 3}, fault.Invalid},
		} {
			if _, err := w.approvals.Approve(ctx, w.Place, c.who, apr, c.d); !fault.Is(err, c.kind) {
				t.Errorf("%s agreed: %v", name, err)
			}
		}
		if _, err := w.approvals.Approve(ctx, w.Place, w.other, apr, approval.Decision{May: everything, Confirm: 4}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.approvals.Approve(ctx, w.Place, w.other, apr, approval.Decision{May: everything, Confirm: 4}); !fault.Is(err, fault.Conflict) {
			t.Errorf("agreed to twice: %v", err)
		}
		if h, err = w.s.Hold(ctx, w.Place, h.ID); err != nil || h.LiftedAt.IsZero() || h.Lifted != 4 || h.Count != 0 {
			t.Errorf("%+v, %v", h, err)
		}
		if ran, err := w.s.Run(ctx, w.Place); err != nil || ran.Destroyed != 4 {
			t.Errorf("%+v, %v", ran, err)
		}
	})
}

// Whom somebody made a member within the week, by hand or by an identity provider
// that they set up, is no second person for them, and an approval is over when
// its time is.
func TestTheSecondPersonIsNobodysCreature(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		rec := w.old("a.wav", 1, 5, "")
		h, err := w.s.Place(ctx, w.Place, w.Who, Asked{Matter: "m", Reason: "rrr", Recordings: []id.Recording{rec}})
		w.no(err)
		apr, err := w.s.Lift(ctx, w.Place, w.Who, h.ID, "settled", 1)
		w.no(err)
		w.no(w.Place.Change(ctx, w.Who, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "member.invited", Subject: w.other.ID})
			return nil
		}))
		if _, err := w.approvals.Approve(ctx, w.Place, w.other, apr, approval.Decision{May: everything, Confirm: 1}); !fault.Is(err, fault.Denied) {
			t.Errorf("who was invited by who asks agreed: %v", err)
		}
		mapped := actor.ForPerson(id.New[id.Person](), id.New[id.Session](), "192.0.2.11")
		for _, c := range []struct {
			what string
			by   actor.Actor
			code string
			is   fault.Kind
		}{
			{"by a mapping that others set up", actor.ForSystem("sso"), "member.changed", fault.Invalid},
			{"by one that who asks has set up", w.Who, "idp.changed", fault.Invalid},
			{"and that gave a role since", actor.ForSystem("sso"), "member.changed", fault.Denied},
		} {
			w.no(w.Place.Change(ctx, c.by, func(tx *place.Tx) error {
				tx.Record(place.Event{Code: c.code, Subject: mapped.ID})
				return nil
			}))
			time.Sleep(2 * time.Millisecond) // what comes next is later
			if _, err := w.approvals.Approve(ctx, w.Place, mapped, apr, approval.Decision{May: everything, Confirm: 2}); !fault.Is(err, c.is) {
				t.Errorf("%s: %v", c.what, err)
			}
		}
		w.no(w.Place.Change(ctx, w.Who, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "retention.set"})
			_, err := tx.Exec(`UPDATE approvals SET until = asked_at`)
			return err
		}))
		third := actor.ForPerson(id.New[id.Person](), id.New[id.Session](), "192.0.2.10")
		if _, err := w.approvals.Approve(ctx, w.Place, third, apr, approval.Decision{May: everything, Confirm: 1}); !fault.Is(err, fault.Conflict) {
			t.Errorf("agreed to after its time: %v", err)
		}
		all, err := w.approvals.List(ctx, w.Place, everything)
		if err != nil || len(all) != 1 || all[0].State != approval.Expired || all[0].Reason != "settled" {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

// Nobody is two persons by an account that they made: not when it agrees, not
// when it asks, and not when both are theirs. Another extension ties nobody.
func TestOnePersonWithTwoAccountsIsOne(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		someone := func() actor.Actor { return actor.ForPerson(id.New[id.Person](), id.New[id.Session](), "192.0.2.12") }
		puppet, another, made, colleague := someone(), someone(), someone(), someone()
		give := func(by, to actor.Actor, code, roles, before string) {
			w.no(w.Place.Change(ctx, by, func(tx *place.Tx) error {
				tx.Record(place.Event{Code: code, Subject: to.ID, Facts: map[string]string{"roles": roles, "before": before}})
				return nil
			}))
		}
		give(w.Who, puppet, "member.invited", "customer_admin", "")
		give(w.Who, another, "member.changed", "customer_admin auditor", "auditor")
		give(another, made, "member.invited", "customer_admin", "")
		give(w.Who, colleague, "member.changed", "customer_admin", "customer_admin")
		rec := w.old("a.wav", 1, 5, "")
		h, err := w.s.Place(ctx, w.Place, w.Who, Asked{Matter: "m", Reason: "rrr", Recordings: []id.Recording{rec}})
		w.no(err)
		apr, err := w.s.Lift(ctx, w.Place, puppet, h.ID, "settled", 1)
		w.no(err)
		for what, who := range map[string]actor.Actor{"who made it": w.Who, "made by the same person": another, "made by one of those": made} {
			if _, err := w.approvals.Approve(ctx, w.Place, who, apr, approval.Decision{May: everything, Confirm: 1}); !fault.Is(err, fault.Denied) {
				t.Errorf("%s agreed to what an account asked for: %v", what, err)
			}
		}
		if _, err := w.approvals.Approve(ctx, w.Place, colleague, apr, approval.Decision{May: everything, Confirm: 1}); err != nil {
			t.Errorf("a colleague who was administrator before: %v", err)
		}
	})
}

// The sound goes and the transcript stays, under another key; the old one is
// destroyed.
func TestTheTranscriptOutlivesTheSound(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		rec := w.old("a.wav", 1, 50, "sales")
		o, err := w.Service.Open(ctx, w.Place, w.Who, rec, recording.Ask{What: "transcribe"})
		w.no(err)
		w.no(w.Service.SaveTranscript(ctx, o, recording.Transcribed{
			JSON: []byte(`{"turns":[]}`), State: recording.TranscriptState{State: recording.TranscriptDone, Language: "en-GB"},
		}, func(*place.Tx, int64) error { return nil }))
		o.Close()
		_, err = w.s.Save(ctx, w.Place, w.Who, Policy{Default: Rule{Days: 30, Then: DeleteSound, TextDays: 90}}, Saving{Confirm: ptr(1), Reason: "a test"})
		w.no(err)
		_, err = w.approvals.Approve(ctx, w.Place, w.other, w.settings().Pending.Approval, approval.Decision{May: everything, Confirm: 1})
		w.no(err)
		if ran, err := w.s.Run(ctx, w.Place); err != nil || ran.Silenced != 1 || ran.Destroyed != 0 {
			t.Fatalf("%+v, %v", ran, err)
		}
		if ran, err := w.s.Run(ctx, w.Place); err != nil || ran.Silenced != 0 {
			t.Fatalf("a second night: %+v, %v", ran, err)
		}
		o, err = w.Service.Open(ctx, w.Place, w.Who, rec, recording.Ask{What: "transcript"})
		w.no(err)
		if text, err := o.Transcript(ctx); err != nil || string(text) != `{"turns":[]}` || len(o.Forms) != 0 {
			t.Errorf("%s, %d forms, %v", text, len(o.Forms), err)
		}
		o.Close()
		if dead, err := w.Keys.Destroyed(ctx, w.Place.Customer()); err != nil || len(dead) != 2 {
			t.Errorf("%d keys are destroyed, want that of the sound and an unused one: %v", len(dead), err)
		}
		longer := w.Item(t, "a.wav", recordingtest.Tone(1, 1, 3*time.Second))
		if out, _ := w.Service.Archive(ctx, w.Place, w.Who, longer); out.Result != recording.Erased {
			t.Errorf("the sound came back: %v", out.Result)
		}
		w.now = w.now.AddDate(0, 0, 41)
		if ran, err := w.s.Run(ctx, w.Place); err != nil || ran.Destroyed != 1 || w.there(rec) {
			t.Errorf("%+v, %v", ran, err)
		}
	})
}
