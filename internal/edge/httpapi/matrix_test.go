package httpapi_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/bulk"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/webhook"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/directory"
	"ringfence/internal/tenancy/entry"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/review"
)

// things fills in the ids of a path: of one customer, or of nobody.
type things map[string]string

func (th things) path(pattern string) string {
	for name, value := range th {
		pattern = strings.ReplaceAll(pattern, "{"+name+"}", value)
	}
	return pattern
}

// fresh gives one of each thing of a customer. Who has removed one says so by
// taking the customer out of w.things: then they are made anew.
func (w *world) fresh(c *customer, opening string) things {
	if th := w.things[c]; th != nil {
		th = maps.Clone(th)
		th["opening"], th["recording"], th["call"] = opening, c.mine.String(), c.call.String()
		if files := must[[]recording.Attention](w)(w.recordings.Attention(w.Context(), c.p)); len(files) > 0 {
			th["file"] = files[0].File.String()
			return th
		}
	}
	w.things[c] = w.make(c, opening)
	return maps.Clone(w.things[c])
}

func (w *world) make(c *customer, opening string) things {
	ctx := w.Context()
	src := must[recording.Source](w)(w.recordings.AddSource(ctx, c.p, system, recording.Source{Kind: recording.Collector, Name: "x", Profile: "generic"}))
	dev, _, err := w.collectors.Add(ctx, c.p, system, "box", src.ID)
	w.no(err)
	files := must[[]recording.Attention](w)(w.recordings.Attention(ctx, c.p))
	if len(files) == 0 {
		w.no(w.recordings.Report(ctx, c.p, system, recording.Report{Source: c.source, Path: "again.wav", Size: 3, Reason: "no sound", Todo: "look at it"}))
		files = must[[]recording.Attention](w)(w.recordings.Attention(ctx, c.p))
	}
	var admin identity.Member
	for _, m := range must[[]identity.Member](w)(w.people.Members(ctx, c.p)) {
		if m.Roles[0] == access.CustomerAdmin {
			admin = m
		}
	}
	tok, _, err := w.people.CreateToken(ctx, c.p, system, admin.Person, identity.TokenDraft{Name: "t", Acts: []access.Act{access.UsageRead}, Until: time.Now().Add(time.Hour)})
	w.no(err)
	extra, err := w.people.Add(ctx, system, strings.ToLower(id.New[id.Event]().String())+"@example.com", "Extra", secret.NewText(password))
	w.no(err)
	_, err = w.people.AddMember(ctx, c.p, system, extra.ID, identity.Grant{Roles: []access.Role{access.User}})
	w.no(err)
	under, line := w.reviewed(review.Where{Place: c.p, Node: c.id})
	prv, _, err := w.scim.CreateToken(ctx, c.p, system, admin.Person, "t", time.Now().Add(time.Hour))
	w.no(err)
	asg := must[directory.Assignment](w)(w.people.Directory().Add(ctx, c.p, system, directory.Assignment{Extension: strconv.Itoa(70000 + w.serial()), Name: "x"}, ""))
	rule, _, err := entry.New(nil).Add(ctx, entry.Where{Place: c.p, Node: c.id}, entry.Saver{Who: system, Free: true},
		entry.Draft{Surface: entry.SCIM, Network: "127.0.0.0/8", Owner: c.canary, Reason: c.canary}, false)
	w.no(err)
	signed := must[identity.Signed](w)(w.people.Begin(ctx, extra.ID, identity.Proof{Methods: []identity.Method{identity.ByPassword, identity.ByMail}}, identity.Origin{}))
	fed := w.federate(c, admin, extra.Email)
	odd := w.odd(c)
	for _, old := range must[[]webhook.Endpoint](w)(w.webhooks.Endpoints(ctx, c.p)) { // a customer has ten at most
		w.no(w.webhooks.Remove(ctx, c.p, system, old.ID))
	}
	hook, _, err := w.webhooks.Add(ctx, c.p, system, webhook.Draft{
		Name: c.canary, URL: "http://127.0.0.1:1/" + c.canary, Events: webhook.Kinds(), Purpose: "matrix", Region: "here",
	})
	w.no(err)
	imp := must[bulk.Import](w)(w.imports.Create(ctx, c.p, system, bulk.Draft{Name: "old", Folder: "/drop/" + c.canary, Profile: "generic", TimeZone: "UTC"}))
	request, broken := w.asked(c)
	return things{
		"request": request, "breach": broken, "run": w.pseudonymRun(c),
		"import":  imp.ID.String(),
		"export":  w.exported(c, system).String(),
		"pause":   w.aPause(c).String(),
		"witness": w.aWitness(c),
		"webhook": hook.ID.String(), "key": "0011223344556677", "name": "call.wav",
		"provider": fed["provider"], "test": fed["test"], "link": fed["link"], "domain": fed["domain"],
		"session": signed.Session.String(), "support": w.support(c).String(),
		"rule": rule.ID.String(), "assignment": asg.ID.String(),
		"expectation": odd["expectation"], "excuse": odd["excuse"], "contact": odd["contact"], "alert": odd["alert"], "statement": odd["statement"],
		"review": under, "line": line, "certificate": w.certified(c),
		"approval": w.waits(c), "hold": w.held(c), "tag": w.tag(c),
		"provisioner": prv.ID.String(), "resource": id.New[id.ScimUser]().String(),
		"customer": c.id.String(), "recording": c.mine.String(), "call": c.call.String(), "opening": opening, "source": src.ID.String(),
		"file": files[0].File.String(), "person": extra.ID.String(), "token": tok.ID.String(), "device": dev.ID.String(),
	}
}

// serial is another number each time.
func (w *world) serial() int { return int(w.made.Add(1)) }

// forget drops all browsers: their sessions have ended.
func (w *world) forget() {
	_, helper := w.clients["helper"]
	clear(w.clients)
	if helper {
		w.clients["helper"] = nil
	}
}

func nobodys() things {
	return things{
		"request": id.New[id.PersonRequest]().String(), "breach": id.New[id.Breach]().String(),
		"import": id.New[id.Import]().String(), "run": id.New[id.PseudonymRun]().String(),
		"approval": id.New[id.Approval]().String(), "hold": id.New[id.Hold]().String(), "tag": id.New[id.Tag]().String(),
		"export": id.New[id.Parcel]().String(),
		"pause":  id.New[id.Pause]().String(),
		"size":   "987654321", "witness": id.New[id.Witness]().String(),
		"webhook": id.New[id.Webhook]().String(), "key": "0011223344556677", "name": "call.wav",
		"provider": id.New[id.Provider]().String(), "test": id.New[id.Test]().String(), "link": id.New[id.Link]().String(), "domain": id.New[id.Domain]().String(),
		"certificate": id.New[id.Certificate]().String(), "review": id.New[id.Review]().String(), "line": id.New[id.ReviewLine]().String(),
		"provisioner": id.New[id.Provisioner]().String(), "resource": id.New[id.ScimUser]().String(),
		"recording": id.New[id.Recording]().String(), "call": id.New[id.Call]().String(), "opening": id.New[id.Receipt]().String(),
		"source": id.New[id.Source]().String(), "file": id.New[id.File]().String(), "person": id.New[id.Person]().String(),
		"token": id.New[id.Token]().String(), "device": id.New[id.Device]().String(), "customer": id.New[id.Customer]().String(),
		"expectation": id.New[id.Expectation]().String(), "excuse": id.New[id.Excuse]().String(), "contact": id.New[id.Contact]().String(), "alert": id.New[id.Alert]().String(),
		"statement": id.New[id.Statement]().String(), "rule": id.New[id.Rule]().String(), "assignment": id.New[id.Assignment]().String(), "session": id.New[id.Session]().String(), "support": id.New[id.Support]().String(), "node": id.New[id.Node]().String(),
	}
}

func malformed() things {
	out := things{}
	for name := range nobodys() {
		out[name] = "x-" + name
	}
	return out
}

// nobody is identifiers that fit nobody.
var nobody = map[string]any{"numbers": []string{}, "emails": []string{}, "names": []string{"Nobody Whatever"}, "accounts": []string{}, "extensions": []string{}, "ids": []string{}}

// bodyFor is a body that passes validation where a route would otherwise refuse
// it before it looks for the thing.
func bodyFor(rt httpapi.RouteInfo) any {
	switch rt.ID {
	case "createWebhook", "setWebhook":
		return map[string]any{"name": "matrix", "url": "http://127.0.0.1:1/", "events": []string{"recording.captured"}, "purpose": "matrix", "region": "here"}
	case "exportCustomer":
		return map[string]any{"receive_key": strings.Repeat("k", 100), "purpose": "matrix"}
	case "keepClosedCases":
		return map[string]any{"days": 1098}
	case "leave":
		return map[string]any{"confirm": 1, "reason": "matrix"}
	case "rotateKey":
		return map[string]any{"what": "rotate"}
	case "setKeyRhythm", "setRootKeyRhythm":
		return map[string]any{"months": 12}
	case "setKeyServer":
		return map[string]any{"url": "https://127.0.0.1:1", "key": "matrix", "auth": "token", "secret": "x", "region": "here"}
	case "redactRecording":
		return map[string]any{"reason": "matrix", "stretches": []map[string]any{{"start": 0.1, "end": 0.2}}}
	case "undoRedaction":
		return map[string]any{"reason": "matrix"}
	case "endPause":
		return map[string]any{"to": time.Now()}
	case "changeDevice":
		return map[string]string{"name": "matrix", "upgrades": "ask"}
	case "replayWebhook":
		return map[string]any{"failed": true}
	case "snoozeAlert", "snoozeNodeAlert":
		return map[string]any{"until": time.Now().Add(time.Hour)}
	case "addAlertContact", "addNodeAlertContact", "changeAlertContact", "changeNodeAlertContact":
		return map[string]any{"name": "matrix", "email": "matrix@example.com", "kinds": []string{}, "urgent_only": false, "after_minutes": 0, "quiet_from": "00:00", "quiet_to": "00:00", "time_zone": "UTC"}
	case "setAlertSettings", "setNodeAlertSettings":
		return map[string]any{"owners": map[string]string{}, "closed_days": []string{}}
	case "excuseCall":
		return map[string]string{"reason": "matrix"}
	case "setCoverageSettings":
		return map[string]any{"keep_days": 400, "grace_minutes": map[string]int{}}
	case "addExcuse", "changeExcuse", "previewExcuse":
		return map[string]any{"kind": "queue", "queues": []string{"matrix"}, "owner": "matrix", "reason": "matrix", "active": true}
	case "setPhoneSystem", "testPhoneSystem":
		return map[string]any{"system": "3cx", "address": "https://pbx.example.com", "client_id": "x", "secret": "y"}
	case "createImport":
		return map[string]any{"name": "matrix", "folder": "/drop/x", "profile": "generic", "time_zone": "UTC"}
	case "setReviewRule", "setNodeReviewRule":
		return map[string]any{"months": 1, "consequence": "remind"}
	case "decideReviewLine", "decideNodeReviewLine":
		return map[string]any{"decision": "keep"}
	case "removeLeavers":
		return map[string]any{"emails": []string{"nobody@example.com"}, "dry_run": true}
	case "claimIdentityDomain":
		return map[string]string{"domain": "d" + strconv.Itoa(rand.IntN(1e9)) + ".example"}
	case "changeIdentityProvider":
		return map[string]string{"kind": "oidc", "name": "matrix", "issuer": "https://login.example", "client_id": "x"}
	case "setPurposeSettings":
		return map[string]any{"roles": []string{}, "support": false, "ready": []string{}, "free": true, "remember": true}
	case "exportReceipts":
		return map[string]any{"format": "csv"}
	case "openPersonRequest":
		return map[string]any{"right": "access", "name": "x", "identifiers": nobody}
	case "searchPersonAgain":
		return nobody
	case "identifyPerson":
		return map[string]any{"proof": "matrix", "notes": ""}
	case "decidePersonFinds":
		return map[string]any{"finds": []string{id.New[id.Found]().String()}, "verdict": ""}
	case "erasePerson":
		return map[string]any{"confirm": 0}
	case "unrestrictPerson":
		return map[string]any{"told": "matrix"}
	case "pseudonymisePerson":
		return map[string]any{"confirm": -1}
	case "rectifyPerson":
		return map[string]any{"find": id.New[id.Found]().String(), "field": "name", "old": "x", "new": "y"}
	case "objectPerson":
		return map[string]any{"what": []string{}}
	case "extendPersonRequest":
		return map[string]any{"reason": "matrix"}
	case "endPersonRequest":
		return map[string]any{"refused": true, "outcome": "matrix"}
	case "openBreach":
		return map[string]any{"kind": "customer-key", "from": time.Now().Add(-time.Hour)}
	case "changeBreach":
		return map[string]any{"from": time.Now().Add(-time.Hour), "to": time.Now(), "aware_at": time.Now().Add(-time.Minute), "what": "", "consequences": "", "measures": "", "contact": "", "outcome": "", "closed": false}
	case "saveRetentionRules":
		return map[string]any{"version": 99, "policy": anyPolicy}
	case "previewRetentionRules", "listRetentionGoing":
		return anyPolicy
	case "placeHold":
		return map[string]any{"matter": "matrix", "reason": "matrix", "search": map[string]any{"queue": "no such queue"}}
	case "previewHold":
		return map[string]any{"queue": "no such queue"}
	case "liftHold":
		return map[string]any{"reason": "matrix", "confirm": -1}
	case "approve":
		return map[string]any{"confirm": -1}
	case "refuse":
		return map[string]any{}
	case "labelRecordings", "labelPreview":
		return map[string]any{"recordings": []string{"rec_x"}}
	case "makeTag":
		return map[string]any{"name": "matrix " + strconv.Itoa(rand.Int())}
	case "destroyRecording":
		return map[string]string{"reason": "matrix"}
	case "openRecording":
		return map[string]string{"what": "listen"}
	case "assignExtension":
		return map[string]string{"extension": "1" + strconv.Itoa(rand.IntN(1e9)), "name": "matrix"}
	case "importDirectory":
		return map[string]any{"csv": "extension,name\n1" + strconv.Itoa(rand.IntN(1e9)) + ",matrix\n"}
	case "addAccessRule", "setAccessRule", "addNodeAccessRule", "setNodeAccessRule":
		surface := "scim"
		if strings.Contains(rt.ID, "Node") {
			surface = "administration"
		}
		return map[string]string{"surface": surface, "network": "127.0.0.0/8", "owner": "matrix", "reason": "matrix"}
	case "inviteStaff":
		return map[string]any{"email": strings.ToLower(id.New[id.Event]().String()) + "@example.com", "name": "matrix", "roles": []string{"provider_support"}}
	case "changeStaff":
		return map[string]any{"roles": []string{"provider_support"}}
	case "changeMember":
		return map[string]any{"roles": []string{"user"}}
	case "setSignInPolicy":
		return map[string]any{"factor": "mail", "device_days": 30, "limits": []string{}, "elsewhere": []string{}, "sso_only": false, "recovery": []string{}}
	case "setSiprecSource":
		return map[string]any{"peers": []string{"127.0.0.1"}, "certificates": []string{}, "user": "", "ours": []string{}, "encrypted": false, "max_calls": 1}
	case "setPickup":
		return map[string]any{"protocol": "sftp", "host": "127.0.0.1:1", "user": "x", "folder": "/", "patterns": []string{}, "dated": "", "since": nil, "minutes": 5, "kbps": 0, "move_to": ""}
	case "confirmPickup":
		return map[string]any{"fingerprint": "x"}
	case "addPushKey":
		return map[string]any{"name": "x", "key": "x"}
	case "changeSource":
		return map[string]any{"name": "x", "kind": "collector", "profile": "generic", "time_zone": "UTC"}
	}
	if rt.Method == "GET" || rt.Method == "DELETE" {
		return nil
	}
	return map[string]any{}
}

var people = map[access.Role]string{
	access.ProviderAdmin: "provider@example.com", access.ResellerAdmin: "reseller@example.com",
	access.CustomerAdmin: "customer_admin@a.example", access.SuperUser: "superuser@a.example", access.User: "user@a.example",
}

// allPeople is one for each role there is, once everyRole has run.
var allPeople = map[access.Role]string{
	access.ProviderAdmin: "provider@example.com", access.ProviderSupport: "support@example.com", access.ResellerAdmin: "reseller@example.com",
	access.CustomerAdmin: "customer_admin@a.example", access.SuperUser: "superuser@a.example", access.Supervisor: "supervisor@a.example",
	access.Agent: "agent@a.example", access.Auditor: "auditor@a.example", access.User: "user@a.example",
}

// everyRole adds somebody for each role that the world has nobody for. What is
// the user's is the supervisor's by scope; the agent's extension is not in it.
func (w *world) everyRole() {
	w.Helper()
	w.no(w.people.GiveNodeRole(w.Context(), system, w.provider.ID, access.ProviderSupport, w.person(allPeople[access.ProviderSupport])))
	for _, g := range []identity.Grant{
		{Roles: []access.Role{access.Supervisor}, Scope: &identity.Scope{Extensions: []string{"201"}}},
		{Roles: []access.Role{access.Agent}, Extensions: []string{"205"}},
		{Roles: []access.Role{access.Auditor}},
	} {
		_, err := w.people.AddMember(w.Context(), w.a.p, system, w.person(allPeople[g.Roles[0]]), g)
		w.no(err)
	}
	for _, role := range access.Roles() {
		if allPeople[role] == "" {
			w.Fatalf("nobody has the role %s: the matrix would not ask for it", role)
		}
	}
}

// stale is a browser in which somebody showed a factor too long ago for what is
// dangerous.
func (w *world) stale(email string) *client {
	w.Helper()
	if c := w.clients["stale "+email]; c != nil {
		return c
	}
	c := w.browser()
	c.signIn(email)
	var me httpapi.Me
	c.do("GET", "/api/v1/me", nil).into(w, &me)
	session := must[id.Session](w)(id.Parse[id.Session](me.Session.ID))
	w.no(w.store.Registry().Change(w.Context(), system, func(tx *place.Tx) error {
		tx.Record(place.Event{Code: "session.started"})
		_, err := tx.Exec(`UPDATE sessions SET proved_at = proved_at - 600000 WHERE id = ?`, session)
		return err
	}))
	w.clients["stale "+email] = c
	return c
}

// support lets a helper in, whom nobody else in the world is.
func (w *world) support(c *customer) id.Support {
	w.Helper()
	if _, ok := w.clients["helper"]; !ok {
		w.clients["helper"] = nil
		w.no(w.people.GiveNodeRole(w.Context(), system, w.provider.ID, access.ProviderSupport, w.person("helper@example.com")))
	}
	for _, g := range must[[]identity.Support](w)(w.people.Supports(w.Context(), c.p)) {
		if g.Open(time.Now()) && g.Email == "helper@example.com" {
			return g.ID
		}
	}
	return must[identity.Support](w)(w.people.GrantSupport(w.Context(), c.p, system, identity.SupportAsk{
		Email: "helper@example.com", Role: access.Auditor, Reason: c.canary, For: time.Hour,
	})).ID
}

// Every route, every role, against what is their own, another customer's,
// nobody's and no id at all. What may not be is the same bytes each time.
func TestEveryRouteEveryRole(t *testing.T) {
	w := newWorld(t)
	w.everyRole()
	refusal := w.as(people[access.User]).do("GET", "/api/v1/customers/"+id.New[id.Customer]().String()+"/usage", nil)
	if refusal.status != 404 || !strings.Contains(refusal.body, "there is no such thing, or it is not yours to see") {
		t.Fatal(refusal)
	}
	asked := 0
	want404 := func(what string, got response) {
		t.Helper()
		asked++
		if got.status != 404 || got.body != refusal.body || got.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
	}
	for _, rt := range w.api.Routes() {
		if rt.Public || rt.Personal || rt.AtNode {
			continue
		}
		for role, email := range allPeople {
			c := w.as(email)
			do := func(th things) response { return w.discreet(rt, email, c.do(rt.Method, th.path(rt.Path), bodyFor(rt))) }
			name := fmt.Sprintf("%s as %s", rt.ID, role)
			foreign, own := w.fresh(w.b, id.New[id.Receipt]().String()), w.fresh(w.a, w.opening(c, rt.ID))
			w.ownExport(c, email, rt, own)
			want404(name+", foreign customer", do(foreign))
			want404(name+", no such customer", do(nobodys()))
			want404(name+", malformed", do(malformed()))
			if rt.Fresh {
				old := w.stale(email)
				late := func(th things) response {
					return w.discreet(rt, email, old.do(rt.Method, th.path(rt.Path), bodyFor(rt)))
				}
				want404(name+", foreign customer, stale", late(foreign))
				want404(name+", no such customer, stale", late(nobodys()))
				if got := late(own); mayDo(w, role, rt) {
					asked++
					if got.status != 403 || !strings.Contains(got.body, "step-up") {
						t.Errorf("%s, stale: %d %s", name, got.status, got.body)
					}
				} else {
					want404(name+", own, stale", got)
				}
			}
			if strings.Count(rt.Path, "{") > 1 {
				for label, th := range map[string]things{"foreign": foreign, "nobody's": nobodys(), "malformed": malformed()} {
					th["customer"] = w.a.id.String()
					want404(name+", "+label+" thing in the own customer", do(th))
				}
			}
			got := do(own)
			asked++
			allowed := mayDo(w, role, rt)
			if rt.Method == "DELETE" && allowed {
				delete(w.things, w.a)
			}
			switch {
			case rt.ID == "openRecording" && (role == access.CustomerAdmin || role == access.Agent):
				want404(name+" (listening)", got)
			case allowed && slices.Contains([]string{"opus", "getImportReport", "stay", "withdrawRetentionRules"}, rt.ID):
				want404(name+", which is not there yet", got)
			case rt.ID == "leaveSupport":
				want404(name+", who is here by membership", got)
			case allowed && (got.status == 401 || got.status == 403 || got.status == 404 || got.status >= 500):
				t.Errorf("%s, own: %d %s", name, got.status, got.body)
			case !allowed:
				want404(name+", own", got)
			}
			if (role == access.User || role == access.Supervisor) && strings.Contains(rt.Path, "{recording}") {
				own["recording"] = w.a.others.String()
				want404(name+", another extension's", do(own))
			}
			if rt.ID == "everybodyOut" && allowed {
				w.forget() // but for the asker's, all sessions have ended
			}
			if rt.ID == "destroyRecording" && allowed {
				w.a.mine = w.archive(w.a, "mine"+string(role)+id.New[id.Event]().String(), "201")
				w.transcribe(w.a, w.a.mine)
				w.a.call = must[recording.Detail](t)(w.recordings.Get(t.Context(), w.a.p, system, w.a.mine, recording.Everything)).Recording.Call
			}
		}
		out := w.browser().do(rt.Method, w.fresh(w.a, id.New[id.Receipt]().String()).path(rt.Path), bodyFor(rt))
		if out.status != 401 {
			t.Errorf("%s without a session: %d", rt.ID, out.status)
		}
	}
	t.Logf("%d requests", asked)
}

// discreet fails the test where an answer, of whatever method, shows what is
// personal of the other customer, or of any to those above.
func (w *world) discreet(rt httpapi.RouteInfo, email string, got response) response {
	w.Helper()
	if strings.Contains(got.body, w.b.canary) {
		w.Errorf("%s shows %s what is b's", rt.ID, email)
	}
	if strings.HasSuffix(email, "@example.com") && strings.Contains(got.body, w.a.canary) {
		w.Errorf("%s shows content to %s", rt.ID, email)
	}
	return got
}

// mayDo is the policy's answer for one of the test's people at their own things.
func mayDo(w *world, role access.Role, rt httpapi.RouteInfo) bool {
	return access.Allow(held(w, role), rt.Act, access.Thing{Place: w.a.id, Extensions: []string{"201"}}, time.Now()).Allowed
}

// held is what the test's people hold, written down apart from the server.
func held(w *world, r access.Role) []access.Membership {
	at := map[access.Role]id.Node{access.ProviderAdmin: w.provider.ID, access.ProviderSupport: w.provider.ID, access.ResellerAdmin: w.reseller.ID}[r]
	if at.IsZero() {
		at = w.a.id
	}
	return []access.Membership{{Role: r, At: at, Part: access.Part{Spans: []access.Span{{Extension: "201"}}}}}
}

// opening opens the recording in the way that a route needs, where the client
// may; else it gives an id that nobody has.
func (w *world) opening(c *client, route string) string {
	what := map[string]string{"sound": "listen", "peaks": "listen", "transcript": "transcript", "findings": "transcript", "download": "download"}[route]
	if what == "" {
		return id.New[id.Receipt]().String()
	}
	got := c.do("POST", "/api/v1/customers/"+w.a.id.String()+"/recordings/"+w.a.mine.String()+"/openings", map[string]string{"what": what})
	if got.status != 201 {
		return id.New[id.Receipt]().String()
	}
	var o struct{ ID string }
	got.into(w, &o)
	return o.ID
}

func TestNodesAreReachedFromAboveOnly(t *testing.T) {
	w := newWorld(t)
	other := must[identity.Person](t)(w.people.Add(t.Context(), system, "rival@example.com", "R", secret.NewText(password)))
	w.no(w.people.GiveNodeRole(t.Context(), system, id.New[id.Node](), access.ResellerAdmin, other.ID))
	w.everyRole()
	for _, rt := range w.api.Routes() {
		if !rt.AtNode {
			continue
		}
		for email, may := range map[string]map[id.Node]bool{
			"provider@example.com":     {w.provider.ID: true, w.reseller.ID: true, w.a.id: true},
			"reseller@example.com":     {w.reseller.ID: true, w.a.id: true},
			"support@example.com":      {w.provider.ID: true, w.reseller.ID: true, w.a.id: true},
			"rival@example.com":        {},
			"auditor@a.example":        {},
			"customer_admin@a.example": {},
			"superuser@a.example":      {},
		} {
			for _, n := range []id.Node{w.provider.ID, w.reseller.ID, w.a.id, id.New[id.Node]()} {
				th := w.atNode(n, rt)
				if rt.Fresh {
					got := w.stale(email).do(rt.Method, th.path(rt.Path), bodyFor(rt))
					if want := map[bool]int{true: 403, false: 404}[may[n] && w.allowedAt(email, n, rt.Act)]; got.status != want {
						t.Errorf("%s at %v as %s, stale: %d, want %d", rt.ID, n, email, got.status, want)
					}
				}
				got := w.discreet(rt, email, w.as(email).do(rt.Method, th.path(rt.Path), bodyFor(rt)))
				if rt.ID == "everybodyOutBelow" && got.status != 404 {
					w.forget()
				}
				if (may[n] && w.allowedAt(email, n, rt.Act)) == (got.status == 404) {
					t.Errorf("%s at %v as %s: %d", rt.ID, n, email, got.status)
				}
			}
		}
	}
}

// allowedAt is the policy's answer for a role above customers: some acts reach
// only the own node, or only what is below it.
func (w *world) allowedAt(email string, n id.Node, a access.Act) bool {
	held := map[string]access.Membership{
		"provider@example.com": {Role: access.ProviderAdmin, At: w.provider.ID}, "support@example.com": {Role: access.ProviderSupport, At: w.provider.ID}, "reseller@example.com": {Role: access.ResellerAdmin, At: w.reseller.ID},
	}[email]
	above := map[id.Node][]id.Node{w.reseller.ID: {w.provider.ID}, w.a.id: {w.reseller.ID, w.provider.ID}}[n]
	return access.Allow([]access.Membership{held}, a, access.Thing{Place: n, Above: above}, time.Now()).Allowed
}

// atNode is one of each thing of a node above customers that a route names.
func (w *world) atNode(n id.Node, rt httpapi.RouteInfo) things {
	th := nobodys()
	th["node"] = n.String()
	if strings.Contains(rt.Path, "{review}") && n != w.a.id && (n == w.provider.ID || n == w.reseller.ID) {
		th["review"], th["line"] = w.reviewed(review.Where{Place: w.store.Registry(), Node: n})
	}
	if strings.Contains(rt.Path, "{rule}") {
		r, _, err := entry.New(nil).Add(w.Context(), entry.Where{Place: w.store.Registry(), Node: n}, entry.Saver{Who: system, Free: true},
			entry.Draft{Surface: entry.Administration, Network: "127.0.0.0/8", Owner: "matrix", Reason: "matrix"}, false)
		w.no(err)
		th["rule"] = r.ID.String()
	}
	if above := n == w.provider.ID || n == w.reseller.ID; above && (strings.Contains(rt.Path, "{alert}") || strings.Contains(rt.Path, "{contact}")) {
		th["contact"], th["alert"] = w.alarm(w.monitor.Node(n), "node")
	}
	if role := map[id.Node]access.Role{w.provider.ID: access.ProviderSupport, w.reseller.ID: access.ResellerAdmin}[n]; role != "" && (strings.Contains(rt.Path, "{person}") || strings.Contains(rt.Path, "{session}")) {
		p := w.person(strings.ToLower(id.New[id.Event]().String()) + "@example.com")
		w.no(w.people.GiveNodeRole(w.Context(), system, n, role, p))
		signed := must[identity.Signed](w)(w.people.Begin(w.Context(), p, identity.Proof{Methods: []identity.Method{identity.ByPassword, identity.ByMail}}, identity.Origin{}))
		th["person"], th["session"] = p.String(), signed.Session.String()
	}
	maker := map[id.Node]string{w.provider.ID: "provider@example.com", w.reseller.ID: "reseller@example.com"}[n]
	if strings.Contains(rt.Path, "{token}") && maker != "" {
		tok, _, err := w.people.CreateNodeToken(w.Context(), n, system, w.ids[maker], identity.TokenDraft{Name: "t", Acts: []access.Act{access.UsageRead}, Until: time.Now().Add(time.Hour)})
		w.no(err)
		th["token"] = tok.ID.String()
	}
	return th
}

// What a person does about themselves needs a session, and no token does; the
// dangerous part needs a factor shown lately; another's session is not there.
func TestPersonalRoutes(t *testing.T) {
	w := newWorld(t)
	w.everyRole()
	for _, rt := range w.api.Routes() {
		if !rt.Personal {
			continue
		}
		path := nobodys().path(rt.Path)
		if got := w.browser().do(rt.Method, path, bodyFor(rt)); got.status != 401 {
			t.Errorf("%s without a session: %d", rt.ID, got.status)
		}
		machine := w.browser()
		machine.token = "rft_nonsense"
		if got := machine.do(rt.Method, path, bodyFor(rt)); got.status != 401 {
			t.Errorf("%s with a token: %d", rt.ID, got.status)
		}
		for _, email := range allPeople {
			if rt.Fresh {
				if got := w.stale(email).do(rt.Method, path, bodyFor(rt)); got.status != 403 || !strings.Contains(got.body, "step-up") {
					t.Errorf("%s as %s, stale: %d %s", rt.ID, email, got.status, got.body)
				}
			}
			if strings.Contains(rt.Path, "{session}") {
				var me httpapi.Me
				w.as("superuser@b.example").do("GET", "/api/v1/me", nil).into(t, &me)
				if got := w.as(email).do(rt.Method, things{"session": me.Session.ID}.path(rt.Path), bodyFor(rt)); got.status != 404 {
					t.Errorf("%s as %s, another's session: %d", rt.ID, email, got.status)
				}
			}
		}
	}
}
