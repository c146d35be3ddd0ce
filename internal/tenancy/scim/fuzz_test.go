package scim

import (
	"encoding/json"
	"strings"
	"testing"

	oracle "github.com/scim2/filter-parser/v2"
)

var filters = []string{
	`userName eq "bjensen"`, `name.familyName co "O'Malley"`, `userName sw "J"`, `urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"`,
	`displayName pr`, `displayName pr and active eq true`, `displayName pr or userName eq "x"`, `(userName eq "a" or userName eq "b") and active eq true`,
	`emails[type eq "work" and value co "@example.com"]`, `emails[type eq "work"]`, `not (userName eq "a")`, `active eq "True"`, `active eq false`,
	`userName Eq "a" AND userName NE "b"`, `userName eq "a\"b"`, `userName eq`, `eq "a"`, `userName eq "a`, `(userName eq "a"`, `userName eq "a")`, `userName foo "a"`,
	`userName eq "a" and`, `emails[type eq "work"`, `emails[]`, ``, ` `, `userName`, `userName eq 'a'`, `not userName eq "a"`, `userName  eq  "a"`, `userName eq null`,
}

// Another implementation of the grammar agrees on what is a filter, but for
// what we leave out on purpose.
func TestFiltersAsAnotherReadsThem(t *testing.T) {
	ours := map[string]string{
		`userName  eq  "a"`:                   "more than one blank is read, as people type it",
		`not (userName eq "a")`:               "read by both; listed should the other change its mind",
		`userName Eq "a" AND userName NE "b"`: "operators in any case, as RFC 7644 §3.4.2.2 wants",
	}
	for _, text := range filters {
		_, err := parseFilter(text, users)
		_, theirs := oracle.ParseFilter([]byte(text))
		if (err == nil) != (theirs == nil) && ours[text] == "" {
			t.Errorf("%q: ours %v, theirs %v", text, err, theirs)
		}
	}
}

func TestFiltersMatch(t *testing.T) {
	o := object{"userName": "Anna@Example.com", "active": true, "externalId": "aB", "name": object{"familyName": "Berg"}, "emails": []any{object{"value": "anna@example.com", "type": "work", "primary": true}}}
	for text, want := range map[string]bool{
		`userName eq "anna@example.com"`: true, `externalId eq "ab"`: false, `externalId eq "aB"`: true, `active eq "True"`: true, `active eq false`: false, `active ne false`: true,
		`name.familyName sw "be"`: true, `name.familyName ew "RG"`: true, `name.givenName pr`: false, `name.givenName eq null`: true, `displayName ne "x"`: true,
		`emails.value co "anna"`: true, `emails eq "anna@example.com"`: true, `emails[type eq "work" and primary eq true]`: true, `emails[type eq "home"]`: false,
		`not (active eq true)`: false, `active eq true and userName pr`: true, `active eq false or userName pr`: true,
	} {
		f, err := parseFilter(text, users)
		if err != nil || f.matches(o, users) != want {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	for _, text := range []string{strings.Repeat("(", 30) + `active eq true` + strings.Repeat(")", 30), `userName eq "` + strings.Repeat("x", longestFilter) + `"`, `userName gt "a"`, `unknown eq "a"`, `name.unknown eq "a"`, `userName[a eq "b"]`} {
		if _, err := parseFilter(text, users); ErrorOf(err).Status != 400 {
			t.Errorf("%.40s: %v", text, err)
		}
	}
}

// Whatever the text, reading it ends, faults are those of the caller, and what
// was read can be applied.
func FuzzFilter(f *testing.F) {
	for _, s := range filters {
		f.Add(s)
	}
	o := object{"userName": "a", "active": true, "emails": []any{object{"value": "a"}}}
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range []*schema{users, groups} {
			got, err := parseFilter(text, kind)
			if err != nil {
				if ErrorOf(err).Status != 400 {
					t.Fatalf("%q: %v", text, err)
				}
				continue
			}
			got.matches(o, kind)
			got.exactly(attrPath{attr: "userName"})
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"active", "name.familyName", `emails[type eq "work"].value`, `members[value eq "x"]`, "urn:ietf:params:scim:schemas:core:2.0:User:active", "a[", "emails[].x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := parsePath(text, users); err != nil && ErrorOf(err).Status != 400 {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

// A change that is taken leaves a resource in the canonical form: to normalise
// it again changes nothing.
func FuzzPatch(f *testing.F) {
	for _, s := range []string{
		`{"Operations":[{"op":"Replace","path":"active","value":"False"}]}`, `{"Operations":[{"op":"add","value":{"emails[type eq \"work\"].value":"a@b"}}]}`,
		`{"Operations":[{"op":"remove","path":"emails[type eq \"work\"]"},{"op":"add","path":"roles","value":"x"}]}`, `{"Operations":[{"op":"replace","path":"name","value":{"givenName":1}}]}`,
		`{"Operations":[{"op":"add","path":"emails","value":[{"value":"x","primary":"True"}]}]}`, `[]`, `{`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		ops, err := parsePatch(body)
		if err != nil {
			if ErrorOf(err).Status != 400 {
				t.Fatal(err)
			}
			return
		}
		o := object{"userName": "a", "active": true, "emails": []any{object{"value": "a", "type": "work"}}, "name": object{"givenName": "A"}}
		if err := change(o, ops, users); err != nil {
			if ErrorOf(err).Status != 400 {
				t.Fatal(err)
			}
			return
		}
		again, err := users.normal(o)
		if err != nil {
			t.Fatalf("%s: not canonical: %v", body, err)
		}
		had, _ := json.Marshal(o)
		now, _ := json.Marshal(again)
		if len(now) > len(had) {
			t.Fatalf("%s: %s became %s", body, had, now)
		}
	})
}
