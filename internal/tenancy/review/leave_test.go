package review_test

import (
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/mail"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/tenancy/review"
)

func TestLeaversAreOutAllOrNobody(t *testing.T) {
	everywhere(t, func(w *world) {
		boss, anna, ben := w.member("boss@example.com", access.CustomerAdmin), w.member("anna@example.com", access.SuperUser), w.member("ben@example.com", access.User)
		w.no(w.s.Seen(w.Context(), w.here.Place, anna.ID))
		_, _, err := w.people.CreateToken(w.Context(), w.here.Place, system, boss.ID, identity.TokenDraft{Name: "x", Acts: []access.Act{access.UsageRead}, Until: w.now.Add(time.Hour)})
		w.no(err)
		leave := func(dry bool, emails ...string) ([]review.Leaver, error) {
			return w.s.Leave(w.Context(), w.here.Place, system, emails, dry)
		}
		_, err = leave(false, "anna@example.com", "nobody@example.com", "no address", "ANNA@example.com", "boss@example.com")
		if f := fault.Of(err); f.Kind != fault.Invalid || len(f.Details) != 4 || f.Details[0].Path != "emails[1]" {
			w.Fatalf("%+v", f)
		}
		if len(w.held(anna)) != 1 {
			w.Fatal("a refused list took somebody out")
		}
		list, err := leave(true, "Anna@example.com", "ben@example.com")
		w.no(err)
		if len(list) != 2 || list[0].Recordings != 7 || list[0].LastUsedAt.IsZero() || !list[0].LeftAt.IsZero() || len(list[0].Acts) == 0 || len(w.held(anna)) != 1 {
			w.Errorf("the preview: %+v", list)
		}
		begun := time.Now()
		list, err = leave(false, "anna@example.com", "ben@example.com")
		w.no(err)
		if len(list) != 2 || list[0].LeftAt.IsZero() || list[0].Roles[0] != access.SuperUser || len(w.held(anna))+len(w.held(ben)) != 0 || time.Since(begun) > time.Minute {
			w.Errorf("%+v in %v", list, time.Since(begun))
		}
		_, err = leave(false, "boss@example.com")
		w.want(fault.Invalid, err)
		_, err = leave(false)
		w.want(fault.Invalid, err)
	})
}

// Five hundred people in one list, well within the minute.
func TestManyLeaversInOneChange(t *testing.T) {
	here(t, func(w *world) {
		w.member("boss@example.com", access.CustomerAdmin)
		var emails []string
		var list []identity.Newcomer
		for i := range 500 {
			emails = append(emails, "p"+strings.Repeat("x", i%7)+string(rune('a'+i%26))+time.Duration(i).String()+"@example.com")
			list = append(list, identity.Newcomer{Email: emails[i], Name: "P"})
		}
		known, err := w.people.Admit(w.Context(), w.here.Place, system, list)
		w.no(err)
		for _, p := range known {
			_, err := w.people.AddMember(w.Context(), w.here.Place, system, p, identity.Grant{Roles: []access.Role{access.User}})
			w.no(err)
		}
		begun := time.Now()
		out, err := w.s.Leave(w.Context(), w.here.Place, system, emails, false)
		w.no(err)
		t.Logf("%d people out in %v", len(out), time.Since(begun))
		if time.Since(begun) > 30*time.Second {
			t.Error("more than half of the minute")
		}
	})
}

func TestFilesOfLeavers(t *testing.T) {
	for text, want := range map[string]string{
		"email\nanna@example.com\n\nben@example.com\n":                   "anna@example.com ben@example.com",
		"\ufeffName,E-Mail,Reason\nAnna, anna@example.com ,moved\nBen\n": "anna@example.com",
		"anna@example.com,x\nben@example.com":                            "anna@example.com ben@example.com",
		"":                                                               "",
		"email\n":                                                        "",
		"name;email\nAnna;anna@example.com":                              "",
	} {
		got, err := review.Emails(strings.NewReader(text))
		if strings.Join(got, " ") != want || (want == "") != fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func FuzzEmails(f *testing.F) {
	f.Add("email\nanna@example.com\n")
	f.Add("\ufeff\"a\nb\",c")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := review.Emails(strings.NewReader(s))
		if (err == nil) != (len(got) > 0) {
			t.Fatalf("%q: %v, %v", s, got, err)
		}
	})
}

type mailMessage = mail.Message
