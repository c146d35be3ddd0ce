package directory

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/phone"
	"ringfence/internal/platform/mail"
)

// Extension is the one way of writing an extension: short numbers as they are,
// numbers of the public network in E.164. The country is the telephone system's,
// for those in national form.
func Extension(text, country string) string {
	text = strings.TrimSpace(text)
	if n := phone.Read(text, country); n.Kind == phone.Public || n.Kind == phone.Extension {
		return n.Text
	}
	return text
}

// check mends what is only writing, and lists every fault with its field.
func (a Assignment) check(country string) (Assignment, []fault.Detail) {
	var faults []fault.Detail
	wrong := func(path, format string, args ...any) {
		faults = append(faults, fault.Detail{Path: path, Text: fmt.Sprintf(format, args...)})
	}
	a.Extension = Extension(a.Extension, country)
	a.Name, a.Email, a.Team = strings.TrimSpace(a.Name), strings.TrimSpace(a.Email), strings.TrimSpace(a.Team)
	switch {
	case a.Extension == "":
		wrong("extension", "is missing")
	case len(a.Extension) > maxNumber || !printable(a.Extension):
		wrong("extension", "has 1 to %d characters", maxNumber)
	}
	if utf8.RuneCountInString(a.Name) > maxText || !printable(a.Name) {
		wrong("name", "has at most %d characters", maxText)
	}
	if utf8.RuneCountInString(a.Team) > maxText || !printable(a.Team) {
		wrong("team", "has at most %d characters", maxText)
	}
	if a.Email != "" {
		address, err := mail.Address(a.Email)
		if err != nil || len(a.Email) > maxEmail {
			wrong("email", "this is no e-mail address")
		} else {
			a.Email = address
		}
	}
	if a.Name == "" && a.Email == "" && a.Team == "" && a.Person.IsZero() {
		wrong("name", "say whose it is: a name, an e-mail address or a team")
	}
	a.From, a.To = whole(a.From), whole(a.To)
	if !before(a.From, a.To) {
		wrong("to", "lies before the beginning, or is the same instant")
	}
	return a, faults
}

// whole is an instant as it is stored.
func whole(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Millisecond)
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) })
}

// clash says in words what an assignment collides with.
func clash(with Assignment) string {
	text := fmt.Sprintf("%s is assigned to %s", with.Extension, with.holder())
	if !with.From.IsZero() {
		text += " from " + day(with.From)
	}
	if !with.To.IsZero() {
		text += " to " + day(with.To)
	}
	return text
}

// day writes an instant as people write it: the day, and the time where it is
// not midnight.
func day(t time.Time) string {
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format("2006-01-02")
	}
	return t.Format("2006-01-02 15:04 UTC")
}
