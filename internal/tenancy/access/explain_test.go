package access_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
)

func TestEveryActHasAMeaning(t *testing.T) {
	for _, a := range access.Acts() {
		if access.Meaning(a) == "" {
			t.Errorf("%s: what is it?", a)
		}
	}
}

func TestWhy(t *testing.T) {
	held := func(r access.Role, p access.Part) []access.Membership {
		return []access.Membership{{Role: r, At: customer, Part: p}}
	}
	ours := access.Part{Spans: []access.Span{{Extension: "201", To: now.AddDate(0, 0, -5)}}}
	thing := access.Thing{Place: customer, Extensions: []string{"201"}, Queue: "sales", StartedAt: now.AddDate(0, 0, -1)}
	for _, c := range []struct {
		name string
		held []access.Membership
		act  access.Act
		want string
	}{
		{"allowed", held(access.SuperUser, access.Part{}), access.RecordingListen, "allows it"},
		{"another act", held(access.Auditor, access.Part{}), access.RecordingListen, "does not include"},
		{"another time", held(access.User, ours), access.RecordingListen, "extension 201 was not theirs at the time"},
		{"another extension", held(access.User, access.Part{Spans: []access.Span{{Extension: "7"}}}), access.RecordingListen, "no extension or queue"},
		{"too old", held(access.Supervisor, access.Part{All: true, MaxAge: time.Hour}), access.RecordingListen, "older"},
		{"no scope", held(access.Supervisor, access.Part{}), access.RecordingListen, "nothing is named"},
		{"ended", []access.Membership{{Role: access.SuperUser, At: customer, Until: now}}, access.RecordingListen, "has ended"},
		{"elsewhere", []access.Membership{{Role: access.SuperUser, At: foreign}}, access.RecordingListen, "held elsewhere"},
		{"visiting", []access.Membership{{Role: access.CustomerAdmin, At: customer, Grant: id.New[id.Support]()}}, access.MemberManage, "outlast"},
	} {
		e := access.Explain(c.held, c.act, thing, access.RolesAt("customer"), now)
		if len(e.Findings) != 1 || !strings.Contains(e.Findings[0].Text, c.want) {
			t.Errorf("%s: %+v", c.name, e)
		}
		if e.Allowed != access.Allow(c.held, c.act, thing, now).Allowed || e.Allowed != (len(e.Missing) == 0) {
			t.Errorf("%s: the answer is not the gate's: %+v", c.name, e)
		}
	}
	if e := access.Explain(nil, access.RecordingDownload, thing, access.RolesAt("customer"), now); !slices.Equal(e.Missing, []access.Role{access.SuperUser}) {
		t.Errorf("%+v", e)
	}
}

// The explanation agrees with the gate for every role and every act.
func TestWhyAgreesWithTheGate(t *testing.T) {
	thing := access.Thing{Place: customer, Above: []id.Node{provider, reseller}, Extensions: []string{"201"}}
	for _, r := range access.Roles() {
		for _, a := range access.Acts() {
			held := []access.Membership{{Role: r, At: home(r), Part: own201}}
			e := access.Explain(held, a, thing, access.Roles(), now)
			if e.Allowed != access.Allow(held, a, thing, now).Allowed || e.Findings[0].Allowed != e.Allowed {
				t.Errorf("%s, %s: %+v", r, a, e)
			}
		}
	}
}
