package entry_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/entry"
)

var (
	now    = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	office = netip.MustParseAddr("203.0.113.7")
	home   = netip.MustParseAddr("2001:db8::5")
)

func rule(s entry.Surface, network string, until time.Time) entry.Rule {
	return entry.Rule{ID: id.New[id.Rule](), Surface: s, Network: netip.MustParsePrefix(network), Until: until}
}

func TestAdmits(t *testing.T) {
	list := entry.Of([]entry.Rule{
		rule(entry.Portal, "203.0.113.0/24", time.Time{}),
		rule(entry.Portal, "2001:db8::/64", now.Add(time.Hour)),
		rule(entry.SCIM, "198.51.100.0/24", now),
	})
	for _, c := range []struct {
		surface entry.Surface
		from    netip.Addr
		at      time.Time
		want    bool
	}{
		{entry.Portal, office, now, true},
		{entry.Portal, netip.MustParseAddr("::ffff:203.0.113.7"), now, true}, // the same host on a dual-stack socket
		{entry.Portal, netip.MustParseAddr("203.0.114.7"), now, false},
		{entry.Portal, netip.Addr{}, now, false},
		{entry.Portal, home, now, true},
		{entry.Portal, home, now.Add(time.Hour - time.Millisecond), true},
		{entry.Portal, home, now.Add(time.Hour), false},
		{entry.API, netip.MustParseAddr("192.0.2.1"), now, true}, // no rule: open
		{entry.API, netip.Addr{}, now, true},
		{entry.SCIM, netip.MustParseAddr("192.0.2.1"), now, true}, // the only rule has run out: open
	} {
		if got := list.Admits(c.surface, c.from, c.at); got != c.want {
			t.Errorf("%s from %s at %s: %v", c.surface, c.from, c.at, got)
		}
	}
	for _, broken := range []entry.List{"portal", "portal x 0\n", "portal 203.0.113.0/24\n", "portal 203.0.113.0/24 x\n"} {
		if broken.Admits(entry.Portal, office, now) {
			t.Errorf("%q lets somebody in", broken)
		}
	}
}

func TestActsNeedTheirSurfaces(t *testing.T) {
	list := entry.Of([]entry.Rule{rule(entry.Administration, "203.0.113.0/24", time.Time{})})
	if _, ok := list.AdmitsAll(entry.ForPerson(access.RecordingListen), home, now); !ok {
		t.Error("listening is taken for administration")
	}
	if s, ok := list.AdmitsAll(entry.ForPerson(access.MemberManage), home, now); ok || s != entry.Administration {
		t.Error("settings are changed from anywhere")
	}
	if _, ok := list.AdmitsAll(entry.ForPerson("some.new.act"), home, now); ok {
		t.Error("an act that nobody sorted is not taken for administration")
	}
}

func TestForeseeAndLockOut(t *testing.T) {
	hour, day := now.Add(time.Hour), now.Add(24*time.Hour)
	permanent := rule(entry.Portal, "203.0.113.0/24", time.Time{})
	brief := rule(entry.Portal, "2001:db8::/64", hour)
	foreign := rule(entry.Portal, "198.51.100.0/24", time.Time{})
	for name, c := range map[string]struct {
		before, after []entry.Rule
		from          netip.Addr
		out           bool
		when          time.Time
	}{
		"first rule covers":                  {nil, []entry.Rule{permanent}, office, false, now},
		"first rule does not":                {nil, []entry.Rule{permanent}, home, true, now},
		"covering rule runs out first":       {nil, []entry.Rule{permanent, brief}, home, true, hour},
		"covering rule runs out last":        {nil, []entry.Rule{brief, rule(entry.Portal, "203.0.113.0/24", now.Add(time.Minute))}, home, false, now},
		"the last rule runs out: open":       {nil, []entry.Rule{brief}, home, false, now},
		"taking the covering rule away":      {[]entry.Rule{permanent, foreign}, []entry.Rule{foreign}, office, true, now},
		"taking the last away":               {[]entry.Rule{permanent}, nil, office, false, now},
		"shortening the covering rule":       {[]entry.Rule{permanent, foreign}, []entry.Rule{rule(entry.Portal, "203.0.113.0/24", day), foreign}, office, true, day},
		"a rule beside what is lost already": {[]entry.Rule{permanent, brief}, []entry.Rule{permanent, brief, foreign}, home, false, now},
		"another surface":                    {nil, []entry.Rule{rule(entry.API, "198.51.100.0/24", time.Time{})}, home, false, now},
	} {
		when, out := entry.LocksOut(c.before, c.after, entry.Portal, c.from, now)
		if out != c.out || out && !when.Equal(c.when) {
			t.Errorf("%s: %v at %s", name, out, when)
		}
	}
	f := entry.Foresee([]entry.Rule{brief}, entry.Portal, office, now)
	if f.Admitted || f.Open || !f.OpenAt.Equal(hour) || !f.OutAt.Equal(now) {
		t.Errorf("%+v", f)
	}
}

func TestNetworks(t *testing.T) {
	for text, want := range map[string]string{
		" 203.0.113.7 ": "203.0.113.7/32", "203.0.113.0/24": "203.0.113.0/24", "2001:db8::1": "2001:db8::1/128",
		"2001:db8::/48": "2001:db8::/48", "::ffff:203.0.113.7": "203.0.113.7/32", "0.0.0.0/0": "0.0.0.0/0",
		"203.0.113.7/24": "", "": "", "office": "", "203.0.113.0/33": "", "fe80::1%eth0": "", "::ffff:203.0.113.0/120": "", "1.2.3.4/08": "",
	} {
		got, err := entry.Network(text)
		if (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
	if _, err := entry.Network("203.0.113.7/24"); !strings.Contains(err.Error(), "203.0.113.0/24 or 203.0.113.7") {
		t.Error(err)
	}
	_, err := entry.Networks("addresses", []string{"203.0.113.0/24", "x", "y"})
	if f := fault.Of(err); f.Kind != fault.Invalid || len(f.Details) != 2 || f.Details[1].Path != "addresses[2]" {
		t.Error(err)
	}
	if !entry.Covers("", netip.Addr{}) || entry.Covers("x", office) || !entry.Covers("192.0.2.0/24 203.0.113.0/24", office) || entry.Covers("203.0.113.0/24", netip.Addr{}) {
		t.Error("a token's list decides wrongly")
	}
}

func FuzzNetwork(f *testing.F) {
	for _, s := range []string{"203.0.113.7", "203.0.113.0/24", "2001:db8::/48", "::ffff:1.2.3.4", "fe80::1%1", "1.2.3.4/33"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := entry.Network(text)
		if err != nil {
			return
		}
		again, err := entry.Network(p.String())
		if err != nil || again != p || !p.Contains(p.Addr()) || p != p.Masked() {
			t.Fatalf("%q → %s → %s %v", text, p, again, err)
		}
		// What is accepted survives the gate's own form and covers itself there.
		list := entry.Of([]entry.Rule{{Surface: entry.Portal, Network: p}})
		if !list.Admits(entry.Portal, p.Addr(), now) {
			t.Fatalf("%q does not let itself in", list)
		}
	})
}

// FuzzList reads what only a damaged database can hold: nothing in it may let
// an address in that no readable line covers, and nothing may end the program.
func FuzzList(f *testing.F) {
	f.Add("portal 203.0.113.0/24 0\n", "203.0.113.7")
	f.Add("portal 203.0.113.0/24", "::1")
	f.Fuzz(func(t *testing.T, text, from string) {
		a, err := netip.ParseAddr(from)
		if err != nil {
			return
		}
		if entry.List(text).Admits(entry.Portal, a, now) && strings.HasPrefix(text, "portal ") && !strings.Contains(text, "/") && !strings.Contains(text, " 1") {
			t.Fatalf("%q admits %s", text, a)
		}
		entry.Covers(text, a)
	})
}

func BenchmarkAdmitsAll(b *testing.B) {
	var rules []entry.Rule
	for range 20 {
		rules = append(rules, rule(entry.Portal, "198.51.100.0/24", time.Time{}))
	}
	list := entry.Of(append(rules, rule(entry.Portal, "203.0.113.0/24", time.Time{})))
	for b.Loop() {
		if _, ok := list.AdmitsAll(entry.ForPerson(access.RecordingListen), office, now); !ok {
			b.Fatal("refused")
		}
	}
}
