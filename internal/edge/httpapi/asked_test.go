package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"ringfence/internal/edge/httpapi"
)

// createdID asks for something new and gives its id.
func (w *world) createdID(c *client, path string, body any) string {
	w.Helper()
	var made struct{ ID string }
	c.do("POST", path, body).expect(w, 201).into(w, &made)
	return made.ID
}

// A webhook from its beginning to its end.
func TestWebhooksByTheAPI(t *testing.T) {
	w := newWorld(t)
	c, base := w.as("customer_admin@a.example"), w.path("/webhooks")
	draft := jsonMap{"name": "Quality management", "url": "http://127.0.0.1:1/ringfence", "events": []string{"recording.captured"}, "purpose": "reviews", "region": "GB"}
	one := base + "/" + w.createdID(c, base, draft)
	draft["name"] = "Reviews"
	c.do("PUT", one, draft).expect(t, 200)
	c.do("POST", one+"/secret", jsonMap{"overlap_hours": 24}).expect(t, 200)
	c.do("POST", one+"/test", jsonMap{}).expect(t, 202)
	c.do("POST", one+"/replay", jsonMap{"failed": true}).expect(t, 202)
	var page httpapi.WebhookDeliveryPage
	w.ok(c, "GET", one+"/deliveries", nil).into(t, &page)
	if len(page.Items) != 1 {
		t.Errorf("%+v", page)
	}
	c.do("DELETE", one, nil).expect(t, 204)
	c.do("GET", one, nil).expect(t, 404)
}

// The directory, from an assignment and from a file.
func TestTheDirectoryByTheAPI(t *testing.T) {
	w := newWorld(t)
	c, base := w.as("customer_admin@a.example"), w.path("/directory")
	one := w.createdID(c, base, jsonMap{"extension": "301", "name": "Kim Reed", "team": "Sales"})
	var ended httpapi.Assignment
	c.do("POST", base+"/"+one+"/end", jsonMap{}).expect(t, 200).into(t, &ended)
	if ended.To == nil {
		t.Errorf("%+v", ended)
	}
	c.do("DELETE", base+"/"+w.createdID(c, base, jsonMap{"extension": "302", "name": "Lee Moss"}), nil).expect(t, 204)
	c.do("POST", base+"/import", jsonMap{"csv": "extension,name,team\n303,Jo Hart,Support\n", "dry_run": true}).expect(t, 200)
}

// Sources, what they hold up, how sound is kept and who reads it.
func TestSourcesAndSoundByTheAPI(t *testing.T) {
	w := newWorld(t)
	c, base := w.as("customer_admin@a.example"), w.path("/sources")
	src := jsonMap{"name": "Recorder", "kind": "folder", "profile": "generic", "folder": "/drop/rec", "time_zone": "UTC"}
	one := base + "/" + w.createdID(c, base, src)
	src["name"] = "Old recorder"
	c.do("PATCH", one, src).expect(t, 200)
	c.do("DELETE", one, nil).expect(t, 204)
	var waiting struct{ Items []struct{ ID string } }
	w.ok(c, "GET", w.path("/attention"), nil).into(t, &waiting)
	c.do("POST", w.path("/attention/"+waiting.Items[0].ID+"/retry"), nil).expect(t, 204)
	c.do("PUT", w.path("/storage"), jsonMap{"opus": true, "originals": "kept", "kbit": 24}).expect(t, 200)
	c.do("PUT", w.path("/speech"), jsonMap{"engine": "none"}).expect(t, 200)
	collector := w.createdID(c, base, jsonMap{"name": "Box", "kind": "collector", "profile": "generic", "time_zone": "UTC"})
	var box httpapi.NewDevice
	c.do("POST", w.path("/devices"), jsonMap{"name": "Box", "source_id": collector}).expect(t, 201).into(t, &box)
	c.do("DELETE", w.path("/devices/"+box.ID), nil).expect(t, 204)
}

// What an identity provider does to people and groups, until they are gone.
func TestSCIMByTheAPI(t *testing.T) {
	w := newWorld(t)
	c, base := w.pushing(w.a)
	user := w.createdID(c, base+"/Users", jsonMap{"userName": "kim@a.example", "active": true})
	group := w.createdID(c, base+"/Groups", jsonMap{"displayName": "Agents", "members": []jsonMap{{"value": user}}})
	ok := func(method, path string, body any, status int) {
		t.Helper()
		c.do(method, base+path, body, "Content-Type", "application/scim+json").expect(t, status)
	}
	ok("GET", "/Users/"+user, nil, 200)
	ok("PUT", "/Users/"+user, jsonMap{"userName": "kim@a.example", "active": true, "displayName": "Kim Reed"}, 200)
	ok("GET", "/Groups", nil, 200)
	ok("GET", "/Groups/"+group, nil, 200)
	ok("PUT", "/Groups/"+group, jsonMap{"displayName": "All agents", "members": []jsonMap{{"value": user}}}, 200)
	ok("PATCH", "/Groups/"+group, jsonMap{"Operations": []jsonMap{{"op": "replace", "path": "displayName", "value": "Agents"}}}, http.StatusOK)
	ok("POST", "/Bulk", jsonMap{"Operations": []jsonMap{{"method": "POST", "path": "/Users", "bulkId": "1", "data": jsonMap{"userName": "lee@a.example"}}}}, 200)
	ok("DELETE", "/Groups/"+group, nil, 204)
	ok("DELETE", "/Users/"+user, nil, 204)
}

// An invitation is sent again and taken back; a rule of networks is changed.
func TestInvitationsAndRulesByTheAPI(t *testing.T) {
	w := newWorld(t)
	c := w.as("customer_admin@a.example")
	var member struct {
		PersonID string `json:"person_id"`
	}
	c.do("POST", w.path("/members"), jsonMap{"email": "new@a.example", "name": "New", "roles": []string{"user"}}).expect(t, 201).into(t, &member)
	one := w.path("/members/" + member.PersonID + "/invitation")
	c.do("POST", one, nil).expect(t, 204)
	c.do("DELETE", one, nil).expect(t, 204)
	rule := jsonMap{"surface": "api", "network": "127.0.0.0/8", "owner": "IT", "reason": "our office", "until": time.Now().Add(time.Hour)}
	var made struct{ Rule struct{ ID string } }
	c.do("POST", w.path("/access-rules"), rule).expect(t, 201).into(t, &made)
	c.do("PUT", w.path("/access-rules/"+made.Rule.ID), rule).expect(t, 200)
}
