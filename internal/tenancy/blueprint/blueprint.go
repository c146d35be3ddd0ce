// Package blueprint sets up a customer from one YAML file: its name, quotas and
// looks, and what those above may decide within it before anybody has come.
//
//	text ──▶ Parse: every fault with its path, unknown keys refused
//	     ──▶ Preview: the difference, line by line; nothing is changed
//	     ──▶ Apply: one Change of the registry, and an intent for the place
//	               ──▶ Recover: steps within the place, each of which may be repeated
//
// Applying the same file twice changes nothing and records nothing. A crash in
// the middle is finished at the next start. The file never says how much of a
// customer's content anybody hears: no role that opens content can be given, and
// no engine on another machine can be chosen by it, or whoever writes blueprints
// could have the sound sent to themselves.
//
// Once an administrator of the customer has signed in, what a blueprint says of
// the inside is left as the customer has it, and the difference says so.
package blueprint

import (
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"

	"ringfence/internal/archive/capture"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/form"
	"ringfence/internal/platform/mail"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/org"
)

// File is one blueprint. The `doc` tags become the comments of the sample.
// What a file leaves out is left as it is.
type File struct {
	Version   int        `yaml:"version" json:"version" doc:"Of this format: 1."`
	Customer  string     `yaml:"customer" json:"customer" doc:"Name of the customer. Just below the node at which the file is applied, a customer of this name is changed, or else made."`
	Quotas    *Quotas    `yaml:"quotas" json:"quotas,omitempty" doc:"The most that the customer may use; never more than those above have. What is left out stays as it is."`
	Branding  *Branding  `yaml:"branding" json:"branding,omitempty" doc:"How portal and mails look. What is left out comes from the nodes above."`
	Retention *Retention `yaml:"retention" json:"retention,omitempty" doc:"How long recordings are kept: days, or forever. Nothing is captured before it is chosen."`
	Speech    *Speech    `yaml:"speech" json:"speech,omitempty" doc:"Transcription on this host. An engine elsewhere is chosen by the customer alone."`
	SignIn    *SignIn    `yaml:"sign_in" json:"sign_in,omitempty" doc:"How people sign in."`
	Sources   []Source   `yaml:"sources" json:"sources,omitempty" doc:"Where recordings come from, by name. Sources that are not named here stay as they are."`
	People    []Person   `yaml:"people" json:"people,omitempty" doc:"Who is invited, by address. Roles: customer_admin, auditor. Roles that hear recordings are given by the customer's administrators."`
}

// Quotas are limits.
type Quotas struct {
	Seats             *int64 `yaml:"seats" json:"seats,omitempty" doc:"People with a role."`
	Gigabytes         *int64 `yaml:"gigabytes" json:"gigabytes,omitempty" doc:"Stored, of 10⁹ bytes."`
	Minutes           *int64 `yaml:"minutes" json:"minutes,omitempty" doc:"Captured in a calendar month (UTC)."`
	EngineSeconds     *int64 `yaml:"engine_seconds" json:"engine_seconds,omitempty" doc:"Of sound given to a speech engine in a calendar month (UTC)."`
	RequestsPerSecond *int64 `yaml:"requests_per_second" json:"requests_per_second,omitempty" doc:"Of the API, by everybody together."`
}

func (q *Quotas) of() org.Quota {
	out := org.Quota{}
	if q == nil {
		return out
	}
	for m, most := range map[org.Measure]*int64{
		org.Seats: q.Seats, org.Gigabytes: q.Gigabytes, org.Minutes: q.Minutes, org.EngineSeconds: q.EngineSeconds, org.Requests: q.RequestsPerSecond,
	} {
		if most != nil {
			out[m] = *most
		}
	}
	return out
}

// Branding is how a customer shows itself.
type Branding struct {
	Name     string `yaml:"name" json:"name,omitempty" doc:"Shown instead of the product's name."`
	Accent   string `yaml:"accent" json:"accent,omitempty" doc:"Colour of buttons, #rrggbb."`
	OnAccent string `yaml:"on_accent" json:"on_accent,omitempty" doc:"Colour of text upon it; refused below a contrast of 4.5 to 1."`
	Logo     string `yaml:"logo" json:"logo,omitempty" doc:"PNG or JPEG in base64, at most 256 KiB."`
}

// Retention is how long recordings are kept.
type Retention struct {
	Days    *int `yaml:"days" json:"days,omitempty" doc:"1 to 36500."`
	Forever bool `yaml:"forever" json:"forever,omitempty" doc:"Instead of days."`
}

// period is in days; 0 is without end, as is a file without days that an earlier release kept.
func (r Retention) period() int {
	if r.Days == nil {
		return 0
	}
	return *r.Days
}

// Speech is transcription.
type Speech struct {
	Engine   string `yaml:"engine" json:"engine" doc:"none or builtin."`
	Language string `yaml:"language" json:"language,omitempty" doc:"Of sources that name none, such as en-GB."`
}

// SignIn is how people sign in.
type SignIn struct {
	Factor     string `yaml:"factor" json:"factor" doc:"Beside the password: mail, strong (authenticator app or passkey) or passkey."`
	DeviceDays int    `yaml:"device_days" json:"device_days" doc:"How long a browser may be remembered, 0 to 90."`
}

// Source is where recordings come from.
type Source struct {
	Name     string `yaml:"name" json:"name" doc:"By which it is known here."`
	Kind     string `yaml:"kind" json:"kind" doc:"folder (of this server) or collector (beside a telephone system)."`
	Profile  string `yaml:"profile" json:"profile" doc:"asterisk, 3cx, freeswitch, yeastar or generic."`
	Folder   string `yaml:"folder" json:"folder,omitempty" doc:"With the recordings."`
	Logs     string `yaml:"logs" json:"logs,omitempty" doc:"Of the telephone system: CDR, CEL and queue_log of Asterisk, the CDRs of others."`
	Pattern  string `yaml:"pattern" json:"pattern,omitempty" doc:"Of file names, for generic."`
	TimeZone string `yaml:"time_zone" json:"time_zone" doc:"Of the telephone system, such as Europe/London."`
	Language string `yaml:"language" json:"language,omitempty" doc:"Of what is spoken, such as en-GB."`
	Country  string `yaml:"country" json:"country,omitempty" doc:"For numbers in national form, such as GB."`
	After    string `yaml:"after" json:"after,omitempty" doc:"What becomes of files once their recording is verified: keep, move or delete."`
}

// Person is somebody who is invited.
type Person struct {
	Email string   `yaml:"email" json:"email" doc:"Where the invitation goes."`
	Name  string   `yaml:"name" json:"name" doc:"As this customer calls them."`
	Roles []string `yaml:"roles" json:"roles" doc:"customer_admin, auditor."`
}

// givable are the roles that a blueprint may give: none that opens content.
func givable() []access.Role {
	var all []access.Role
	for _, r := range access.RolesAt("customer") {
		if !access.OpensContent(r) && r != access.Agent {
			all = append(all, r)
		}
	}
	return all
}

// longest bounds a file; a logo may be in it.
const longest = 512 << 10

// Parse reads a blueprint. The error is a fault.Invalid that holds every fault.
func Parse(text []byte) (File, error) {
	var f File
	if len(text) > longest {
		return f, fault.New(fault.TooLarge, "a blueprint has at most %d KiB", longest>>10)
	}
	p, err := form.Read(text, &f)
	if err != nil {
		return f, fault.Wrap(err, fault.Invalid, "the blueprint is not YAML: %v", err)
	}
	f.check(&p)
	if len(p) > 0 {
		bad := fault.New(fault.Invalid, "the blueprint has %d problem(s)", len(p))
		bad.Details = p
		return f, bad
	}
	return f, nil
}

func (f *File) check(p *form.Problems) {
	if f.Version != 1 {
		p.Add("version", "want 1")
	}
	if f.Customer = strings.TrimSpace(f.Customer); f.Customer == "" || len([]rune(f.Customer)) > 100 {
		p.Add("customer", "a name has 1 to 100 letters")
	}
	if err := org.CheckQuota(f.Quotas.of()); err != nil {
		under(p, "quotas", err)
	}
	if f.Branding != nil {
		if _, err := f.Branding.of(); err != nil {
			under(p, "branding", err)
		}
	}
	switch r := f.Retention; {
	case r == nil:
	case r.Days != nil && r.Forever:
		p.Add("retention", "give days or forever: true, not both")
	case r.Forever:
		r.Days = new(0) // so that a later file with days differs from this one
	case r.Days == nil:
		p.Add("retention", "give days from 1 to 36500, or forever: true")
	case *r.Days < 1 || *r.Days > 36_500:
		p.Add("retention.days", "want 1 to 36500; to keep without end: forever: true")
	}
	if s := f.Speech; s != nil {
		oneOf(p, "speech.engine", s.Engine, "none", "builtin")
		tag(p, "speech.language", &s.Language)
	}
	if s := f.SignIn; s != nil {
		oneOf(p, "sign_in.factor", s.Factor, "mail", "strong", "passkey")
		if s.DeviceDays < 0 || s.DeviceDays > 90 {
			p.Add("sign_in.device_days", "want 0 to 90")
		}
	}
	f.checkSources(p)
	f.checkPeople(p)
}

// under puts the faults of a part below its key.
func under(p *form.Problems, path string, err error) {
	for _, d := range fault.Of(err).Details {
		p.Add(path+"."+d.Path, "%s", d.Text)
	}
}

func (b *Branding) of() (org.Brand, error) {
	out := org.Brand{Name: b.Name, Accent: b.Accent, OnAccent: b.OnAccent}
	if b.Logo != "" {
		picture, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(b.Logo), ""))
		if err != nil {
			return out, fault.Field("logo", "this is no base64")
		}
		out.Logo = picture
	}
	return out, out.Check()
}

func (f *File) checkSources(p *form.Problems) {
	names := map[string]bool{}
	for i := range f.Sources {
		s, at := &f.Sources[i], form.Index("sources", i)
		if s.Name = strings.TrimSpace(s.Name); s.Name == "" || len([]rune(s.Name)) > 100 {
			p.Add(at+".name", "a name has 1 to 100 letters")
		} else if names[s.Name] {
			p.Add(at+".name", "another source has this name")
		}
		names[s.Name] = true
		oneOf(p, at+".kind", s.Kind, "folder", "collector")
		if _, err := capture.New(capture.Options{Profile: s.Profile, Folder: "/", Pattern: s.Pattern, Country: s.Country}); err != nil {
			under(p, at, err)
		}
		if s.Kind == "folder" && s.Folder == "" {
			p.Add(at+".folder", "is missing")
		}
		if s.After == "" {
			s.After = "keep"
		}
		oneOf(p, at+".after", s.After, "keep", "move", "delete")
		if s.TimeZone == "" {
			s.TimeZone = "UTC"
		}
		if _, err := time.LoadLocation(s.TimeZone); err != nil || s.TimeZone == "Local" {
			p.Add(at+".time_zone", "%q is no IANA time zone such as Europe/London", s.TimeZone)
		}
		tag(p, at+".language", &s.Language)
	}
}

func (f *File) checkPeople(p *form.Problems) {
	addresses := map[string]bool{}
	for i := range f.People {
		who, at := &f.People[i], form.Index("people", i)
		if address, err := mail.Address(who.Email); err != nil {
			p.Add(at+".email", "this is no e-mail address")
		} else {
			who.Email = address
		}
		if key := strings.ToLower(who.Email); addresses[key] {
			p.Add(at+".email", "stands twice")
		} else {
			addresses[key] = true
		}
		if who.Name = strings.TrimSpace(who.Name); who.Name == "" || len([]rune(who.Name)) > 100 {
			p.Add(at+".name", "a name has 1 to 100 letters")
		}
		if len(who.Roles) == 0 {
			p.Add(at+".roles", "name at least one")
		}
		slices.Sort(who.Roles)
		who.Roles = slices.Compact(who.Roles)
		for _, r := range who.Roles {
			if !slices.Contains(givable(), access.Role(r)) {
				p.Add(at+".roles", "%q cannot be given by a blueprint; want %s", r, joined(givable()))
			}
		}
	}
	if len(f.People) > 0 && !slices.ContainsFunc(f.People, func(w Person) bool { return slices.Contains(w.Roles, string(access.CustomerAdmin)) }) {
		p.Add("people", "one of them must be customer_admin")
	}
}

func joined(roles []access.Role) string {
	var all []string
	for _, r := range roles {
		all = append(all, string(r))
	}
	return strings.Join(all, ", ")
}

func oneOf(p *form.Problems, path, value string, of ...string) {
	if !slices.Contains(of, value) {
		p.Add(path, "%q is not one of %s", value, strings.Join(of, ", "))
	}
}

// tag checks a language and writes it as it is usually written.
func tag(p *form.Problems, path string, s *string) {
	if *s == "" {
		return
	}
	t, err := language.Parse(*s)
	if err != nil {
		p.Add(path, "%q is no language such as en-GB", *s)
		return
	}
	*s = t.String()
}
