package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"ringfence/internal/edge/httpapi"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
)

// A person's names are replaced with the exact number, looked up with a reason by
// who may, and the way back goes with two persons.
func TestPseudonymsOfAPerson(t *testing.T) {
	w := newWorld(t)
	admin, super := w.as(people[access.CustomerAdmin]), w.as(people[access.SuperUser])
	at := "/api/v1/customers/" + w.a.id.String()
	var req httpapi.PersonRequest
	admin.do("POST", at+"/person-requests", map[string]any{"right": "object", "name": w.a.canary, "identifiers": map[string]any{"numbers": []string{}, "emails": []string{}, "names": []string{w.a.canary + " Caller"}, "accounts": []string{}, "extensions": []string{}, "ids": []string{}}}).into(w, &req)
	runner := job.NewRunner(w.store, w.pseudonymKinds(), job.Options{})
	work := func() {
		for range 10 {
			if n, err := runner.RunDue(w.Context(), time.Now()); err != nil || n == 0 {
				w.no(err)
				return
			}
		}
	}
	work()
	request := at + "/person-requests/" + req.ID
	var finds httpapi.PersonFindPage
	admin.do("GET", request+"/finds", nil).into(w, &finds)
	var ids []string
	for _, f := range finds.Items {
		ids = append(ids, f.ID)
	}
	if len(ids) == 0 {
		t.Fatal("nothing was found of the caller")
	}
	if got := admin.do("POST", request+"/decisions", map[string]any{"finds": ids, "verdict": "confirmed"}); got.status > 299 {
		t.Fatal(got)
	}
	var plan httpapi.PseudonymPlan
	admin.do("GET", request+"/pseudonym-plan", nil).into(w, &plan)
	if plan.Recordings == 0 {
		t.Fatal("the plan changes nothing:", plan)
	}
	if got := admin.do("POST", request+"/pseudonymise", map[string]any{"confirm": plan.Recordings + 1}); got.status != 422 {
		t.Error("a wrong count:", got)
	}
	var run httpapi.PseudonymRun
	admin.do("POST", request+"/pseudonymise", map[string]any{"confirm": plan.Recordings, "silence": true}).into(w, &run)
	work()
	admin.do("GET", at+"/pseudonym-runs/"+run.ID, nil).into(w, &run)
	if !run.Ended || run.Figures["done"]+run.Figures["unheard"] != plan.Recordings {
		t.Error("the run says", run)
	}
	var list httpapi.PseudonymPage
	admin.do("GET", at+"/pseudonyms", nil).into(w, &list)
	if len(list.Items) == 0 || !list.Items[0].WayBack {
		t.Fatal("pseudonyms:", list)
	}
	ask := map[string]any{"pseudonym": list.Items[0].Pseudonym, "purpose": "legal claim", "reason": "claim 12"}
	if got := admin.do("POST", at+"/pseudonym-lookup", ask); got.status != 404 {
		t.Error("an administrator looks people up:", got)
	}
	if got := super.do("POST", at+"/pseudonym-lookup", ask); got.status != 200 || !strings.Contains(got.body, w.a.canary) {
		t.Error("looked up:", got)
	}
	w.no(w.a.p.Keep(w.Context(), func(tx *place.Tx) error { // as if the server's disk had been full
		_, err := tx.Exec(`UPDATE pseudonym_items SET state = 'failed'`)
		return err
	}))
	if got := admin.do("POST", at+"/pseudonym-runs/"+run.ID+"/again", nil); got.status != 201 {
		t.Error("taken up again:", got)
	}
	work()
	var rule httpapi.PseudonymRule
	admin.do("PUT", at+"/pseudonym-rule", map[string]any{"days": 0}).into(w, &rule)
	admin.do("GET", at+"/pseudonym-rule/due?days=30", nil)
	admin.do("GET", at+"/pseudonym-runs", nil)
	if got := admin.do("POST", request+"/end", map[string]any{"refused": true, "outcome": "done"}); got.status > 299 {
		t.Fatal(got)
	}
	var n struct{ Pseudonyms int64 }
	admin.do("POST", at+"/pseudonym-ways-back/count", map[string]any{"all": true}).into(w, &n)
	got := admin.do("POST", at+"/pseudonym-ways-back/destruction", map[string]any{"all": true, "confirm": n.Pseudonyms, "reason": "the claim is over"})
	if got.status != 200 || !strings.Contains(got.body, "apr_") {
		t.Error("asked for:", got)
	}
}
