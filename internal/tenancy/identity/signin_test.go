package identity_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
	"ringfence/internal/tenancy/identity"
)

func TestSignInWithPasswordAndCode(t *testing.T) {
	everywhere(t, func(w *world) {
		p := w.add("Anna@Example.com")
		step, err := w.s.SignIn(w.Context(), "anna@example.com", secret.NewText(good), from("192.0.2.7"))
		w.no(err)
		if step.MailedTo != "A…@example.com" {
			w.Errorf("mailed to %q", step.MailedTo)
		}
		signed, err := w.s.Code(w.Context(), step.Token, " "+w.code()[:4]+"-"+w.code()[4:], from("192.0.2.7"))
		w.no(err)
		got, err := w.s.Session(w.Context(), signed.Token)
		w.no(err)
		if got.Session.Person != p.ID || got.Session.ID != signed.Session {
			w.Errorf("the session is %+v", got)
		}
		list, err := w.s.Sessions(w.Context(), p.ID)
		w.no(err)
		if len(list) != 1 || list[0].Address != "192.0.2.7" || list[0].Agent != "Browser/1" {
			w.Errorf("listed %+v", list)
		}
	})
}

func TestACodeWorksOnceInItsBrowser(t *testing.T) {
	here(t, func(w *world) {
		w.add("anna@example.com")
		step, err := w.s.SignIn(w.Context(), "anna@example.com", secret.NewText(good), from("192.0.2.7"))
		w.no(err)
		code := w.code()
		second, err := w.s.SignIn(w.Context(), "anna@example.com", secret.NewText(good), from("192.0.2.7"))
		w.no(err)
		_, err = w.s.Code(w.Context(), second.Token, code, from("192.0.2.7"))
		if code != w.code() {
			w.want(fault.Unauthenticated, err)
		}
		_, err = w.s.Code(w.Context(), secret.NewText("another browser"), code, from("192.0.2.7"))
		w.want(fault.Unauthenticated, err)
		_, err = w.s.Code(w.Context(), step.Token, code, from("192.0.2.7"))
		w.no(err)
		_, err = w.s.Code(w.Context(), step.Token, code, from("192.0.2.7"))
		w.want(fault.Unauthenticated, err)
	})
}

func TestACodeEndsAfterTenMinutes(t *testing.T) {
	here(t, func(w *world) {
		w.add("anna@example.com")
		for _, c := range []struct {
			after time.Duration
			ok    bool
		}{{10*time.Minute - time.Second, true}, {10 * time.Minute, false}} {
			step, err := w.s.SignIn(w.Context(), "anna@example.com", secret.NewText(good), from("192.0.2.7"))
			w.no(err)
			w.pass(c.after)
			_, err = w.s.Code(w.Context(), step.Token, w.code(), from("192.0.2.7"))
			if (err == nil) != c.ok {
				w.Errorf("after %v: %v", c.after, err)
			}
		}
	})
}

func TestACodeEndsAfterFiveTries(t *testing.T) {
	everywhere(t, func(w *world) {
		w.add("anna@example.com")
		for tries, ok := range map[int]bool{4: true, 5: false} {
			step, err := w.s.SignIn(w.Context(), "anna@example.com", secret.NewText(good), from("192.0.2.7"))
			w.no(err)
			wrong := "00000000"
			if w.code() == wrong {
				wrong = "00000001"
			}
			for range tries {
				_, err := w.s.Code(w.Context(), step.Token, wrong, from("192.0.2.7"))
				w.want(fault.Unauthenticated, err)
			}
			_, err = w.s.Code(w.Context(), step.Token, w.code(), from("192.0.2.7"))
			if (err == nil) != ok {
				w.Errorf("the right code after %d wrong ones: %v", tries, err)
			}
			w.pass(time.Hour)
		}
	})
}

func TestKnownAndUnknownNamesAnswerAlike(t *testing.T) {
	here(t, func(w *world) {
		w.add("anna@example.com")
		_, known := w.s.SignIn(w.Context(), "anna@example.com", secret.NewText("wrong"), from("192.0.2.7"))
		for _, name := range []string{"nobody@example.com", "no address", ""} {
			_, err := w.s.SignIn(w.Context(), name, secret.NewText("wrong"), from("192.0.2.7"))
			if err == nil || known == nil || err.Error() != known.Error() || fault.KindOf(err) != fault.Unauthenticated {
				w.Errorf("%q: %v; a known name: %v", name, err, known)
			}
		}
		if n := len(w.box.Mails()); n != 0 {
			w.Errorf("%d mails were sent", n)
		}
		// Nobody signs in with the password that nothing was hashed for.
		_, err := w.s.SignIn(w.Context(), "nobody@example.com", secret.NewText(""), from("192.0.2.7"))
		w.want(fault.Unauthenticated, err)
	})
}

func TestGuessingIsSlowedAndLocksNobodyOut(t *testing.T) {
	here(t, func(w *world) {
		w.add("anna@example.com")
		var err error
		n := 0
		for ; n < 100 && !fault.Is(err, fault.Limited); n++ {
			_, err = w.s.SignIn(w.Context(), "anna@example.com", secret.NewText("wrong"), from("198.51.100.9"))
		}
		if n != 11 {
			w.Errorf("refused at try %d", n)
		}
		if fault.Of(err).RetryAfter <= 0 {
			w.Error("the refusal does not say when to come back")
		}
		_, err = w.s.SignIn(w.Context(), "anna@example.com", secret.NewText(good), from("198.51.100.200"))
		w.want(fault.Limited, err) // the same /24
		_, err = w.s.SignIn(w.Context(), "anna@example.com", secret.NewText(good), from("192.0.2.7"))
		w.no(err) // the victim, elsewhere
		w.pass(time.Minute)
		_, err = w.s.SignIn(w.Context(), "anna@example.com", secret.NewText(good), from("198.51.100.9"))
		w.no(err)
	})
}

func TestAnIPv6SubscriberHasOneBucket(t *testing.T) {
	here(t, func(w *world) {
		var err error
		for i := range 60 {
			_, err = w.s.Code(w.Context(), secret.NewText("x"), "12345678", from("2001:db8:1:2::"+string(rune('a'+i%6))))
			w.want(fault.Unauthenticated, err)
		}
		_, err = w.s.Code(w.Context(), secret.NewText("x"), "12345678", from("2001:db8:1:2:ffff::1"))
		w.want(fault.Limited, err)
		_, err = w.s.Code(w.Context(), secret.NewText("x"), "12345678", from("2001:db8:1:3::1"))
		w.want(fault.Unauthenticated, err)
	})
}

func TestPasswordsThatAreRefused(t *testing.T) {
	here(t, func(w *world) {
		for _, bad := range []string{
			"", "short", "Password123!", "anna.example.com", "AnnaExample2026", "aaaaaaaaaaaaaaaaaaaa", "Ringfence2026!",
			"qwertyuiopas", strings.Repeat("violet tractor ", 20), strings.Repeat("a", 100_000),
		} {
			_, err := w.s.Add(w.Context(), system, "anna@example.com", "Anna Example", secret.NewText(bad))
			w.want(fault.Invalid, err)
		}
		long := strings.Repeat("é", 128) // 256 bytes, and only 72 letters of it are scored
		if _, err := w.s.Add(w.Context(), system, "anna@example.com", "Anna Example", secret.NewText(good+long[:256-len(good)-1])); err != nil {
			w.Error(err)
		}
		_, err := w.s.SignIn(w.Context(), "anna@example.com", secret.NewText(strings.Repeat("x", 257)), from("192.0.2.7"))
		w.want(fault.Unauthenticated, err)
	})
}

func TestWhatIsStoredTellsNothing(t *testing.T) {
	dir := t.TempDir()
	schemas := place.Schemas{Registry: identity.RegistryMigrations(), Place: identity.PlaceMigrations(), Housekeeping: identity.Housekeeping()}
	store := placetest.Open(t, place.Config{Dir: dir}, schemas)
	w := newWorld(t, store)
	p := w.add("canary.mail@example.com")
	signed := w.signIn("canary.mail@example.com", good)
	_, err := w.s.AddMember(w.Context(), w.p, system, p.ID, identity.Grant{Roles: roles("user").Roles, Extensions: []string{"canary-7731"}})
	w.no(err)
	w.no(store.Close())
	words := []string{"canary", "Anna Example", good, signed.Token.Reveal(), w.code(), "192.0.2.7", "Browser/1"}
	err = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, word := range words {
			if bytes.Contains(data, []byte(word)) {
				t.Errorf("%s holds %q", filepath.Base(path), word)
			}
		}
		return err
	})
	w.no(err)
}

func TestAPasswordHashIsBoundToItsPerson(t *testing.T) {
	here(t, func(w *world) {
		w.add("anna@example.com")
		eve, err := w.s.Add(w.Context(), system, "eve@example.com", "Eve", secret.NewText(other))
		w.no(err)
		// Somebody who can write the database copies Eve's hash over Anna's.
		w.no(w.store.Registry().Change(w.Context(), system, func(tx *place.Tx) error {
			tx.Record(place.Event{Code: "test.copied"})
			_, err := tx.Exec(`UPDATE credentials SET password = (SELECT password FROM credentials WHERE person = ?)`, eve.ID)
			return err
		}))
		if _, err := w.s.SignIn(w.Context(), "anna@example.com", secret.NewText(other), from("192.0.2.7")); err == nil {
			w.Error("Eve's password opens Anna's account")
		}
	})
}

func TestSessionsEnd(t *testing.T) {
	everywhere(t, func(w *world) {
		p := w.add("anna@example.com")
		var ended []id.Session
		w.s.OnEnd(func(i id.Session) { ended = append(ended, i) })
		first, second := w.signIn("anna@example.com", good), w.signIn("anna@example.com", good)

		w.want(fault.NotFound, w.s.End(w.Context(), system, id.New[id.Person](), first.Session))
		w.no(w.s.End(w.Context(), person(p.ID), p.ID, first.Session))
		_, err := w.s.Session(w.Context(), first.Token)
		w.want(fault.Unauthenticated, err)
		if alive, err := w.s.Alive(w.Context(), first.Session); alive || err != nil {
			w.Errorf("the ended session is alive: %v, %v", alive, err)
		}
		if len(ended) != 1 || ended[0] != first.Session {
			w.Errorf("told of the end of %v", ended)
		}
		for range 3 { // used every eleven hours, it lives
			w.pass(11 * time.Hour)
			_, err = w.s.Session(w.Context(), second.Token)
			w.no(err)
		}
		w.pass(12 * time.Hour) // idle
		_, err = w.s.Session(w.Context(), second.Token)
		w.want(fault.Unauthenticated, err)

		third := w.signIn("anna@example.com", good)
		for w.clock().Before(third.Until.Add(-time.Hour)) {
			w.pass(time.Hour)
			_, err = w.s.Session(w.Context(), third.Token)
			w.no(err)
		}
		w.pass(time.Hour) // seven days, however busy
		_, err = w.s.Session(w.Context(), third.Token)
		w.want(fault.Unauthenticated, err)
	})
}

func TestAChangedPasswordEndsOtherSessions(t *testing.T) {
	here(t, func(w *world) {
		p := w.add("anna@example.com")
		old := w.signIn("anna@example.com", good)
		pending, err := w.s.SignIn(w.Context(), "anna@example.com", secret.NewText(good), from("192.0.2.7"))
		w.no(err)
		code := w.code()
		mine := w.signIn("anna@example.com", good)
		who := person(p.ID)
		who.Session = mine.Session

		w.want(fault.Invalid, w.s.ChangePassword(w.Context(), who, p.ID, secret.NewText("wrong"), secret.NewText(other), from("192.0.2.7")))
		w.want(fault.Invalid, w.s.ChangePassword(w.Context(), who, p.ID, secret.NewText(good), secret.NewText("weak"), from("192.0.2.7")))
		_, err = w.s.Session(w.Context(), old.Token)
		w.no(err)
		w.no(w.s.ChangePassword(w.Context(), who, p.ID, secret.NewText(good), secret.NewText(other), from("192.0.2.7")))
		_, err = w.s.Session(w.Context(), old.Token)
		w.want(fault.Unauthenticated, err)
		_, err = w.s.Session(w.Context(), mine.Token)
		w.no(err)
		_, err = w.s.Code(w.Context(), pending.Token, code, from("192.0.2.7"))
		w.want(fault.Unauthenticated, err)
		_, err = w.s.SignIn(w.Context(), "anna@example.com", secret.NewText(good), from("192.0.2.7"))
		w.want(fault.Unauthenticated, err)
		w.signIn("anna@example.com", other)
	})
}
