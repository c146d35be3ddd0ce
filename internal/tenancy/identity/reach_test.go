package identity_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/directory"
	"ringfence/internal/tenancy/identity"
)

// call is a recording of an extension, and of a queue.
func (w *world) call(extension, queue string, at time.Time) access.Thing {
	return access.Thing{Place: w.p.Customer(), Extensions: []string{extension}, Queue: queue, StartedAt: at}
}

func (w *world) hears(p identity.Person, thing access.Thing) bool {
	w.Helper()
	held, err := w.s.Held(w.Context(), w.p, p.ID)
	w.no(err)
	return access.Allow(held, access.RecordingListen, thing, time.Now()).Allowed
}

func (w *world) member(email string, g identity.Grant) identity.Person {
	w.Helper()
	p := w.add(email)
	_, err := w.s.AddMember(w.Context(), w.p, system, p.ID, g)
	w.no(err)
	return p
}

// 201 is Anna's, then Ben's. Neither hears the other's calls, whichever way the
// extension went over.
func TestAReusedExtensionDoesNotExposeWhoHadItBefore(t *testing.T) {
	everywhere(t, func(w *world) {
		user := func(x ...string) identity.Grant {
			return identity.Grant{Roles: []access.Role{access.User}, Extensions: x}
		}
		w.member("admin@example.com", roles(access.CustomerAdmin))
		anna := w.member("anna@example.com", user("201"))
		past := w.call("201", "", time.Now().Add(-time.Hour))
		if !w.hears(anna, past) {
			w.Fatal("Anna does not hear her calls")
		}
		ben := w.add("ben@example.com")
		_, err := w.s.AddMember(w.Context(), w.p, system, ben.ID, user("201"))
		w.want(fault.Invalid, err)

		d := w.s.Directory()
		list, _, err := d.List(w.Context(), w.p, directory.Ask{Person: anna.ID})
		w.no(err)
		_, err = d.End(w.Context(), w.p, system, list[0].ID, time.Time{})
		w.no(err)
		_, err = w.s.AddMember(w.Context(), w.p, system, ben.ID, user("201"))
		w.no(err)
		future := w.call("201", "", time.Now().Add(time.Hour))
		if w.hears(ben, past) || !w.hears(ben, future) {
			w.Error("Ben hears Anna's calls, or not his own")
		}
		if !w.hears(anna, past) || w.hears(anna, future) {
			w.Error("Anna hears Ben's calls, or her own no more")
		}

		// Leaving frees the extension; its next owner begins then.
		w.no(w.s.RemoveMember(w.Context(), w.p, system, ben.ID))
		cleo := w.member("cleo@example.com", user("201"))
		if w.hears(cleo, past) || w.hears(cleo, w.call("201", "", time.Now().Add(-time.Minute))) || !w.hears(cleo, future) {
			w.Error("Cleo hears calls of who had 201 before")
		}
		if w.hears(ben, future) {
			w.Error("Ben left and hears on")
		}
	})
}

func TestASupervisorHearsWhatTheScopeNames(t *testing.T) {
	everywhere(t, func(w *world) {
		now := time.Now()
		d := w.s.Directory()
		for _, a := range []directory.Assignment{
			{Extension: "301", Name: "Mo", Team: "Night", To: now.Add(-24 * time.Hour)},
			{Extension: "301", Name: "Zoe", Team: "Day", From: now.Add(-24 * time.Hour)},
		} {
			_, err := d.Add(w.Context(), w.p, system, a, "")
			w.no(err)
		}
		admin := w.member("admin@example.com", roles(access.CustomerAdmin))
		s := w.member("sue@example.com", identity.Grant{Roles: []access.Role{access.Supervisor}, Scope: &identity.Scope{Queues: []string{"sales"}, Teams: []string{"night"}, MaxAge: 30 * 24 * time.Hour}})
		for _, c := range []struct {
			name  string
			thing access.Thing
			want  bool
		}{
			{"the queue", w.call("9", "sales", now.Add(-time.Hour)), true},
			{"the queue, long ago", w.call("9", "sales", now.Add(-31*24*time.Hour)), false},
			{"another queue", w.call("9", "service", now.Add(-time.Hour)), false},
			{"the team's extension while it was theirs", w.call("301", "", now.Add(-25*time.Hour)), true},
			{"the team's extension since it is another's", w.call("301", "", now.Add(-time.Hour)), false},
		} {
			if got := w.hears(s, c.thing); got != c.want {
				w.Errorf("%s: %v", c.name, got)
			}
		}
		_, err := w.s.ChangeMember(w.Context(), w.p, person(admin.ID), s.ID, roles(access.Supervisor))
		w.no(err)
		if !w.hears(s, w.call("9", "sales", now)) {
			w.Error("a grant that does not speak of the scope changed it")
		}
		// Nobody widens what they hear themselves.
		_, err = w.s.ChangeMember(w.Context(), w.p, person(s.ID), s.ID, identity.Grant{Roles: []access.Role{access.Supervisor}, Scope: &identity.Scope{All: true}})
		w.want(fault.Invalid, err)
		_, err = w.s.ChangeMember(w.Context(), w.p, person(admin.ID), s.ID, identity.Grant{Roles: []access.Role{access.Supervisor}, Scope: &identity.Scope{}})
		w.no(err)
		if w.hears(s, w.call("9", "sales", now)) {
			w.Error("an empty scope reaches something")
		}
		for _, bad := range []identity.Scope{{Queues: []string{" "}}, {Teams: []string{strings.Repeat("x", 101)}}, {MaxAge: -1}} {
			_, err = w.s.ChangeMember(w.Context(), w.p, person(admin.ID), s.ID, identity.Grant{Roles: []access.Role{access.Supervisor}, Scope: &bad})
			w.want(fault.Invalid, err)
		}
	})
}

// Before there was a directory, extensions were kept with the member and reached
// every call. They go on to, and are the directory's once it is written.
func TestExtensionsFromBeforeTheDirectoryStay(t *testing.T) {
	everywhere(t, func(w *world) {
		w.member("admin@example.com", roles(access.CustomerAdmin))
		anna := w.member("anna@example.com", identity.Grant{Roles: []access.Role{access.User}})
		w.no(w.s.AsBefore(w.Context(), w.p, system, anna.ID, "201"))
		past := w.call("201", "", time.Now().AddDate(-2, 0, 0))
		check := func(when string) {
			w.Helper()
			members, err := w.s.Members(w.Context(), w.p)
			w.no(err)
			if !w.hears(anna, past) || !slices.ContainsFunc(members, func(m identity.Member) bool {
				return m.Person == anna.ID && slices.Equal(m.Extensions, []string{"201"})
			}) {
				w.Errorf("%s: %+v", when, members)
			}
		}
		check("as it was")
		_, err := w.s.Directory().Add(w.Context(), w.p, system, directory.Assignment{Extension: "201", Name: "Ben"}, "")
		w.want(fault.Invalid, err)
		_, err = w.s.Directory().Add(w.Context(), w.p, system, directory.Assignment{Extension: "202", Name: "Ben"}, "")
		w.no(err)
		check("in the directory")
		w.no(w.p.View(w.Context(), func(tx *place.Tx) error {
			spans, err := directory.Own(tx, anna.ID)
			if len(spans) != 1 {
				w.Errorf("not adopted: %v", spans)
			}
			return err
		}))
	})
}
