package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/bulk"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/trust/person"
)

// A person's request goes through the API from its arrival to its answer: found,
// decided, planned, erased with the exact number; the letter is drafted.
func TestAPersonsRequestByTheAPI(t *testing.T) {
	w := newWorld(t)
	base := "/api/v1/customers/" + w.a.id.String() + "/person-requests"
	admin := w.as("customer_admin@a.example")
	if got := admin.do("POST", base, map[string]any{"right": "erase", "name": "x", "identifiers": map[string]any{"numbers": []string{}, "emails": []string{}, "names": []string{"x"}, "accounts": []string{}, "extensions": []string{}, "ids": []string{}}}); got.status != 422 && got.status != 400 {
		t.Errorf("a name of one letter: %d %s", got.status, got.body)
	}
	kept := "/api/v1/customers/" + w.a.id.String() + "/closed-cases"
	var closed httpapi.ClosedCases
	w.ok(admin, "GET", kept, nil).into(t, &closed)
	if closed.Days != person.DefaultKept {
		t.Errorf("%+v", closed)
	}
	w.ok(admin, "PUT", kept, map[string]any{"days": 2196}).into(t, &closed)
	w.ok(admin, "GET", kept, nil).into(t, &closed)
	if got := admin.do("PUT", kept, map[string]any{"days": 1}); closed.Days != 2196 || got.status != 422 {
		t.Errorf("%+v, a day: %d", closed, got.status)
	}
	var due httpapi.CountDone
	w.ok(admin, "GET", kept+"/due?days=30", nil).into(t, &due)
	if due.Count != 0 {
		t.Errorf("%+v", due)
	}
	ids := map[string]any{"numbers": []string{}, "emails": []string{}, "names": []string{"Zebrawood Caller"}, "accounts": []string{}, "extensions": []string{}, "ids": []string{}}
	begin := func(right string) (c httpapi.PersonRequest) {
		got := admin.do("POST", base, map[string]any{"right": right, "name": "Zebrawood Caller", "identifiers": ids})
		if got.status != 201 {
			t.Fatal(got)
		}
		got.into(t, &c)
		w.no(w.persons.Search(t.Context(), w.a.p, must[id.PersonRequest](t)(id.Parse[id.PersonRequest](c.ID))))
		return c
	}
	c := begin("erase")
	if c.Article != 17 || !c.DueAt.After(time.Now().AddDate(0, 0, 27)) {
		t.Errorf("%+v", c)
	}
	one := base + "/" + c.ID
	finds := func(path string) (page httpapi.PersonFindPage) {
		admin.do("GET", path+"/finds", nil).into(t, &page)
		return page
	}
	confirm := func(path string) {
		var all []string
		for _, f := range finds(path).Items {
			all = append(all, f.ID)
		}
		if got := admin.do("POST", path+"/decisions", map[string]any{"finds": all, "verdict": "confirmed"}); got.status != 200 {
			t.Fatal(got)
		}
		if got := admin.do("PUT", path+"/identity", map[string]string{"proof": "called back", "notes": ""}); got.status != 200 {
			t.Fatal(got)
		}
	}
	if page := finds(one); len(page.Items) < 2 || page.NextCursor != "" {
		t.Fatalf("%+v", page)
	}
	if got := admin.do("GET", one+"/finds?limit=1", nil); !strings.Contains(got.header.Get("Link"), "next") {
		t.Error(got.header)
	}
	confirm(one)
	keep := finds(one).Items[0]
	if got := admin.do("POST", one+"/decisions", map[string]any{"finds": []string{keep.ID}, "verdict": "confirmed", "ground": "legal-claim", "because": "case 7"}); got.status != 200 {
		t.Fatal(got)
	}
	var plan httpapi.PersonPlan
	admin.do("GET", one+"/plan", nil).into(t, &plan)
	if plan.Erase < 1 || plan.Keep < 1 || plan.Undecided != 0 {
		t.Fatalf("%+v", plan)
	}
	if got := admin.do("POST", one+"/erasure", map[string]any{"confirm": plan.Erase + 1}); got.status != 422 && got.status != 400 {
		t.Error("a wrong number was taken:", got)
	}
	if got := w.stale("customer_admin@a.example").do("POST", one+"/erasure", map[string]any{"confirm": plan.Erase}); got.status != 403 {
		t.Error("erased without a fresh factor:", got)
	}
	var done httpapi.PersonRequest
	admin.do("POST", one+"/erasure", map[string]any{"confirm": plan.Erase}).into(t, &done)
	if done.Erased != plan.Erase || done.State != "open" {
		t.Errorf("%+v", done)
	}
	var letter httpapi.LetterDraft
	admin.do("GET", one+"/letter?kind=answer", nil).into(t, &letter)
	if !strings.Contains(letter.Text, "Dear Zebrawood Caller") || !strings.Contains(letter.Text, c.ID) {
		t.Error(letter.Text)
	}
	if got := admin.do("GET", one+"/letter/paper?kind=answer", nil); got.status != 200 || !strings.HasPrefix(got.body, "%PDF") {
		t.Error(got.status)
	}
	if got := admin.do("POST", one+"/extension", map[string]string{"reason": "many calls"}); got.status != 200 {
		t.Error(got)
	}
	if got := admin.do("GET", one+"/certificate", nil); got.status != 409 || !strings.Contains(got.body, "not answered yet") {
		t.Error(got)
	}
	if got := admin.do("POST", one+"/end", map[string]any{"refused": false, "outcome": "erased"}); got.status != 200 {
		t.Error(got)
	}
	if got := admin.do("GET", one+"/certificate/paper", nil); got.status != 409 || !strings.Contains(got.body, "being signed") {
		t.Error(got)
	}
	certify := job.NewRunner(w.store, map[string]job.Kind{person.JobCertify: w.persons.CertifyKind()}, job.Options{})
	must[int](t)(certify.RunDue(t.Context(), time.Now().Add(time.Second)))
	for path, form := range map[string]string{"/certificate": `attachment; filename="request-` + c.ID + `.json"`, "/certificate/paper": `attachment; filename="request-` + c.ID + `.pdf"`} {
		got := w.ok(admin, "GET", one+path, nil)
		cert, _, err := person.Verify([]byte(got.body))
		if err != nil || got.header.Get("Content-Disposition") != form {
			t.Error(path, got.header, err)
		}
		if path == "/certificate" && (cert.Request != c.ID || cert.State != person.Answered || cert.Finds.Confirmed == 0) {
			t.Errorf("%+v", cert)
		}
	}
	if w.ok(admin, "GET", one, nil).into(t, &done); !done.Certified {
		t.Error("its certificate is there, and the request does not say so")
	}
	var list httpapi.PersonRequestPage
	admin.do("GET", base, nil).into(t, &list)
	if len(list.Items) != 1 || list.Items[0].State != "answered" {
		t.Errorf("%+v", list)
	}
	admin.do("GET", base+"?open=true", nil).into(t, &list)
	if len(list.Items) != 0 {
		t.Errorf("%+v", list)
	}
	var where httpapi.PersonStores
	admin.do("GET", base+"/stores", nil).into(t, &where)
	if len(where.Stores) < 10 || len(where.Grounds) == 0 {
		t.Errorf("%+v", where)
	}

	limit := base + "/" + begin("restrict").ID
	confirm(limit)
	if got := admin.do("POST", limit+"/restriction", nil); got.status != 200 {
		t.Fatal(got)
	}
	ear := w.as("superuser@a.example")
	open := "/api/v1/customers/" + w.a.id.String() + "/recordings/" + finds(limit).Items[0].Ref + "/openings"
	if got := ear.do("POST", open, map[string]string{"what": "listen", "purpose": "Training"}); got.status != 403 {
		t.Errorf("a restricted recording was opened: %d %s", got.status, got.body)
	}
	if got := ear.do("POST", open, map[string]string{"what": "listen", "purpose": "legal claim: case 7"}); got.status != 201 {
		t.Error(got)
	}
	if got := admin.do("POST", limit+"/restriction/lift", map[string]string{"told": "letter of today"}); got.status != 200 {
		t.Error(got)
	}
	stop := base + "/" + begin("object").ID
	confirm(stop)
	again := map[string]any{"numbers": []string{"+441614960187"}, "emails": []string{}, "names": []string{}, "accounts": []string{}, "extensions": []string{}, "ids": []string{}}
	if got := admin.do("POST", stop+"/searches", again); got.status != 200 {
		t.Fatal(got)
	}
	w.no(w.persons.Search(t.Context(), w.a.p, must[id.PersonRequest](t)(id.Parse[id.PersonRequest](strings.TrimPrefix(stop, base+"/")))))
	if got := admin.do("PUT", stop+"/objections", map[string]any{"what": []string{"transcription"}}); got.status != 200 || !strings.Contains(got.body, `"transcription"`) {
		t.Error(got)
	}
	fix := base + "/" + begin("rectify").ID
	confirm(fix)
	if got := admin.do("POST", fix+"/corrections", map[string]string{"find": finds(fix).Items[0].ID, "field": "name", "old": "Zebrawood Caller", "new": "Zebra Wood"}); got.status != 200 {
		t.Error(got)
	}
	get := base + "/" + begin("access").ID
	confirm(get)
	if got := admin.do("POST", get+"/packs", nil); got.status != 201 {
		t.Error(got)
	}
}

// A breach is counted by rights and by receipts, and the notice is drafted.
func TestABreachByTheAPI(t *testing.T) {
	w := newWorld(t)
	base := "/api/v1/customers/" + w.a.id.String()
	admin, ear := w.as("customer_admin@a.example"), w.as("superuser@a.example")
	if got := ear.do("POST", base+"/recordings/"+w.a.mine.String()+"/openings", map[string]string{"what": "listen"}); got.status != 201 {
		t.Fatal(got)
	}
	var me httpapi.Me
	ear.do("GET", "/api/v1/me", nil).into(t, &me)
	begin := func(kind, subject string) (b httpapi.Breach) {
		got := admin.do("POST", base+"/breaches", map[string]any{"kind": kind, "subject": subject, "from": time.Now().Add(-time.Hour), "what": "a laptop was stolen"})
		if got.status != 201 {
			t.Fatal(got)
		}
		got.into(t, &b)
		return b
	}
	report := func(b httpapi.Breach) (r httpapi.BreachReport) {
		admin.do("GET", base+"/breaches/"+b.ID+"/report", nil).into(t, &r)
		return r
	}
	b := begin("session", me.Session.ID)
	if b.DueAt.Sub(b.AwareAt) != 72*time.Hour {
		t.Errorf("%+v", b)
	}
	r := report(b)
	if r.Could.Recordings != 2 || r.Did.Recordings != 1 || r.Did.Persons == 0 || len(r.Opened) != 1 || r.Opened[0].RecordingID != w.a.mine.String() || len(r.Timeline) == 0 {
		t.Errorf("%+v", r)
	}
	if r := report(begin("customer-key", "")); r.Could.Recordings != 2 || r.Did != r.Could {
		t.Errorf("%+v", r)
	}
	if r := report(begin("person", me.Person.ID)); r.Could.Recordings != 2 || r.Did.Recordings != 1 {
		t.Errorf("%+v", r)
	}
	if r := report(begin("device", id.New[id.Device]().String())); r.Could.Recordings != 0 {
		t.Errorf("a collector reaches recordings: %+v", r)
	}
	var user httpapi.Me
	w.as("user@a.example").do("GET", "/api/v1/me", nil).into(t, &user)
	if r := report(begin("session", user.Session.ID)); r.Could.Recordings != 1 || r.Did.Recordings != 0 {
		t.Errorf("a user of one extension: %+v", r)
	}
	if r := report(begin("session", id.New[id.Session]().String())); r.Could.Recordings != 2 || !strings.Contains(r.Rights[0], "Everything is counted") {
		t.Errorf("a session of which nobody knows whose it was: %+v", r)
	}
	if r := report(begin("token", id.New[id.Token]().String())); r.Could.Recordings != 0 || !strings.Contains(r.Rights[0], "no token of this id") {
		t.Errorf("a token that was never made: %+v", r)
	}
	for to, want := range map[string]string{"authority": "article 33", "persons": "wrong hands"} {
		var draft httpapi.LetterDraft
		admin.do("GET", base+"/breaches/"+b.ID+"/notice?to="+to, nil).into(t, &draft)
		if !strings.Contains(draft.Text, want) || !strings.Contains(draft.Text, "a laptop was stolen") {
			t.Error(draft.Text)
		}
		if got := admin.do("GET", base+"/breaches/"+b.ID+"/notice/paper?to="+to, nil); got.status != 200 || !strings.HasPrefix(got.body, "%PDF") {
			t.Error(got.status)
		}
	}
	change := map[string]any{"from": b.From, "to": b.To, "aware_at": b.AwareAt, "what": "stolen", "consequences": "none known", "measures": "signed out", "contact": "dpo", "outcome": "", "closed": true}
	if got := admin.do("PUT", base+"/breaches/"+b.ID, change); got.status != 422 && got.status != 400 {
		t.Error("closed without an outcome:", got)
	}
	change["outcome"] = "the authority was told"
	if got := admin.do("PUT", base+"/breaches/"+b.ID, change); got.status != 200 {
		t.Error(got)
	}
	var list struct{ Items []httpapi.Breach }
	admin.do("GET", base+"/breaches", nil).into(t, &list)
	if len(list.Items) != 7 {
		t.Error(len(list.Items))
	}
	admin.do("GET", base+"/breaches/"+b.ID, nil).into(t, &b)
	if b.ClosedAt == nil {
		t.Errorf("%+v", b)
	}
	if got := admin.do("POST", base+"/breaches", map[string]any{"kind": "session", "subject": "per_x", "from": time.Now()}); got.status != 422 && got.status != 400 {
		t.Error(got)
	}
}

// One name is planted in every store; the search finds it in each. A store that
// is not searched rightly is one in which a person stays.
func TestAPersonIsFoundInEachStore(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	const name = "Wilhelmina"
	_, err := w.people.AddMember(ctx, w.a.p, system, must[identity.Person](t)(w.people.Add(ctx, system, "wq@a.example", name, secret.NewText(password))).ID, identity.Grant{Roles: []access.Role{access.User}, Extensions: []string{"277"}})
	w.no(err)
	before := w.a.canary
	w.a.canary = name // what the world plants from now on
	w.drawn(name)
	w.make(w.a, id.New[id.Receipt]().String())
	w.a.canary = before
	c := must[person.Case](t)(w.persons.Begin(ctx, w.a.p, system, person.Draft{Right: person.Access, Subject: person.Subject{Identifiers: person.Identifiers{Names: []string{name}}}}))
	w.no(w.persons.Search(ctx, w.a.p, c.ID))
	found := map[string]int{}
	for _, it := range must[[]person.Item](t)(w.persons.Items(ctx, w.a.p, c.ID, id.Found{}, 500)) {
		found[it.Store]++
	}
	for _, st := range w.persons.Stores() {
		if found[st.Name] == 0 {
			t.Errorf("planted, and not found in %s (%s): %v", st.Name, st.Title, found)
		}
	}
}

// drawn plants a name where the world plants none by itself.
func (w *world) drawn(name string) {
	ctx := w.Context()
	src := must[recording.Source](w)(w.recordings.AddSource(ctx, w.a.p, system, recording.Source{Kind: recording.Folder, Name: name + " drop", Profile: "generic", Folder: "/drop/q", Country: "GB"}))
	w.no(w.recordings.Report(ctx, w.a.p, system, recording.Report{Source: src.ID, Path: name + ".wav", Size: 3, Reason: "no sound", Todo: "look"}))
	w.archive(w.a, name, "201")
	must[recording.Tag](w)(w.recordings.MakeTag(ctx, w.a.p, system, name))
	must[person.Case](w)(w.persons.Begin(ctx, w.a.p, system, person.Draft{Right: person.Access, Subject: person.Subject{Name: name, Identifiers: person.Identifiers{Numbers: []string{"+441614969999"}}}}))
	_, err := w.imports.Create(ctx, w.a.p, system, bulk.Draft{Name: name, Folder: "/drop/old", Profile: "generic", TimeZone: "UTC"})
	w.no(err)
	must[identity.Support](w)(w.people.GrantSupport(ctx, w.a.p, system, identity.SupportAsk{Email: "provider@example.com", Role: access.Auditor, Reason: "asked by " + name, For: time.Hour}))
	row := id.New[id.ScimUser]()
	w.no(w.a.p.Change(ctx, system, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "pushed-user.added", Subject: row.String(), Personal: map[string]string{"name": name}})
		card, err := tx.Seal(place.FieldScimUser, row, []byte(`{"displayName":"`+name+`"}`))
		if err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO scim_users (id, person, user_name, card, active, given, created_at, modified_at) VALUES (?, ?, ?, ?, 1, '', 1, 1)`, row, id.New[id.Person](), row[:], card)
		return err
	}))
}
