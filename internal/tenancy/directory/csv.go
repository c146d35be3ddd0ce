package directory

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/platform/place"
)

// File is a directory as a spreadsheet writes it: a first line with the names of
// the columns, then one assignment a line. Columns are extension, name, email,
// team, from and to, in any order; extension must be there. A day in "from"
// begins with it, a day in "to" is the last one; both may be instants (RFC 3339)
// instead, and then "to" does not count. Commas, semicolons and tabs part
// columns; a byte order mark is passed over.
type File struct {
	CSV      []byte
	TimeZone string // of days; "": UTC
	Country  string // ISO 3166, of numbers in national form; "": none
}

// Report is what becomes of a file.
type Report struct {
	Lines          []Verdict
	Add, End, Same int
	Faulty         int
	UnknownColumns []string // passed over
}

// columnNames are what people call the columns.
var columnNames = map[string]string{
	"extension": "extension", "ext": "extension", "number": "extension", "phone": "extension", "line": "extension",
	"name": "name", "person": "name", "display name": "name", "full name": "name", "agent": "name",
	"email": "email", "e-mail": "email", "mail": "email", "e-mail address": "email", "email address": "email",
	"team": "team", "group": "team", "department": "team",
	"from": "from", "since": "from", "start": "from", "valid from": "from",
	"to": "to", "until": "to", "end": "to", "valid to": "to",
}

// Import stores a file, all of it or nothing. A file with a fault is
// fault.Invalid with every fault of every line; what stands there already is
// left alone, so the same file twice changes nothing the second time.
func (s *Service) Import(ctx context.Context, p *place.Place, who actor.Actor, f File) (Report, error) {
	drafts, r, err := f.read()
	if err != nil {
		return r, err
	}
	dry, err := s.Preview(ctx, p, f)
	if err != nil || dry.Faulty == 0 && dry.Add+dry.End == 0 {
		return dry, err
	}
	err = p.Change(ctx, who, func(tx *place.Tx) error {
		if err := s.adopt(tx); err != nil {
			return err
		}
		if err := s.fill(tx, drafts, f.Country, &r); err != nil {
			return err
		}
		if r.Faulty > 0 {
			return r.refusal()
		}
		for _, v := range r.Lines {
			var err error
			switch v.State {
			case Adds:
				_, err = insert(tx, v.Assignment)
			case Ends:
				err = end(tx, v.Assignment)
			}
			if err != nil {
				return err
			}
		}
		tx.Record(place.Event{Code: "directory.imported", Facts: map[string]string{"added": fmt.Sprint(r.Add), "ended": fmt.Sprint(r.End), "same": fmt.Sprint(r.Same)}})
		tx.Notify("directory")
		return nil
	})
	return r, err
}

// Preview says what Import would do, and changes nothing.
func (s *Service) Preview(ctx context.Context, p *place.Place, f File) (Report, error) {
	drafts, r, err := f.read()
	if err != nil {
		return r, err
	}
	err = p.View(ctx, func(tx *place.Tx) error { return s.fill(tx, drafts, f.Country, &r) })
	return r, err
}

func (s *Service) fill(tx *place.Tx, drafts []draft, country string, r *Report) (err error) {
	r.Lines, err = s.judge(tx, drafts, country)
	for _, v := range r.Lines {
		switch v.State {
		case Adds:
			r.Add++
		case Ends:
			r.End++
		case Stays:
			r.Same++
		default:
			r.Faulty++
		}
	}
	return err
}

// refusal lists every fault with its line.
func (r Report) refusal() error {
	out := &fault.Error{Kind: fault.Invalid, Text: fmt.Sprintf("%d lines have faults; nothing was stored", r.Faulty)}
	for _, v := range r.Lines {
		for _, f := range v.Faults {
			if len(out.Details) < maxReports {
				out.Details = append(out.Details, fault.Detail{Path: fmt.Sprintf("lines[%d].%s", v.Line, f.Path), Text: f.Text})
			}
		}
	}
	return out
}

// read takes the file apart. A fault of a line is kept with its draft; a file
// that is no table at all is fault.Invalid.
func (f File) read() ([]draft, Report, error) {
	var r Report
	zone, err := time.LoadLocation(f.TimeZone)
	if err != nil || f.TimeZone == "Local" {
		return nil, r, fault.Field("time_zone", "is no time zone, such as Europe/London")
	}
	text := bytes.TrimPrefix(f.CSV, []byte("\ufeff"))
	switch {
	case len(text) > maxCSV:
		return nil, r, fault.New(fault.TooLarge, "the file is larger than %d MB", maxCSV>>20)
	case !utf8.Valid(text):
		return nil, r, fault.Field("csv", "is not UTF-8: save it as “CSV UTF-8”")
	}
	c := csv.NewReader(bytes.NewReader(text))
	c.Comma, c.FieldsPerRecord, c.TrimLeadingSpace, c.LazyQuotes = separator(text), -1, true, true
	head, err := c.Read()
	if errors.Is(err, io.EOF) {
		return nil, r, fault.Field("csv", "is empty")
	}
	if err != nil {
		return nil, r, fault.Field("csv", "is no table: %v", err)
	}
	at, err := columnsOf(head, &r)
	if err != nil {
		return nil, r, err
	}
	var drafts []draft
	for {
		cells, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, r, fault.Field("csv", "is no table: %v", err)
		}
		line, _ := c.FieldPos(0)
		if strings.TrimSpace(strings.Join(cells, "")) != "" {
			drafts = append(drafts, draftOf(cells, at, line, zone))
		}
		if len(drafts) > most {
			return nil, r, fault.New(fault.TooLarge, "a directory holds at most %d assignments", most)
		}
	}
	if len(drafts) == 0 {
		return nil, r, fault.Field("csv", "has no line below the names of the columns")
	}
	return drafts, r, nil
}

// separator is what parts the columns of the first line: Excel writes
// semicolons where the comma is a decimal sign.
func separator(text []byte) rune {
	first, _, _ := bytes.Cut(text, []byte("\n"))
	best, most := ',', 0
	for _, c := range ",;\t" {
		if n := bytes.Count(first, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best
}

func columnsOf(head []string, r *Report) (map[string]int, error) {
	at := map[string]int{}
	for i, h := range head {
		name, ok := columnNames[strings.ToLower(strings.TrimSpace(h))]
		if _, twice := at[name]; ok && twice {
			return nil, fault.Field("csv", "has the column %q twice", name)
		}
		if ok {
			at[name] = i
		} else if strings.TrimSpace(h) != "" {
			r.UnknownColumns = append(r.UnknownColumns, h)
		}
	}
	if _, ok := at["extension"]; !ok {
		return nil, fault.Field("csv", "has no column “extension”: the first line names the columns")
	}
	return at, nil
}

func draftOf(cells []string, at map[string]int, line int, zone *time.Location) draft {
	cell := func(name string) string {
		if i, ok := at[name]; ok && i < len(cells) {
			return strings.TrimSpace(cells[i])
		}
		return ""
	}
	d := draft{line: line, Assignment: Assignment{Extension: cell("extension"), Name: cell("name"), Email: cell("email"), Team: cell("team")}}
	for _, name := range []string{"from", "to"} {
		t, err := moment(cell(name), zone, name == "to")
		if err != nil {
			d.faults = append(d.faults, fault.Detail{Path: name, Text: err.Error()})
		}
		if name == "from" {
			d.From = t
		} else {
			d.To = t
		}
	}
	return d
}

var errMoment = errors.New("want a day such as 2026-11-30, or an instant such as 2026-11-30T08:00:00Z")

// moment reads a day or an instant; empty is none. The last day counts whole.
func moment(text string, zone *time.Location, last bool) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		if t, err = time.ParseInLocation(time.DateOnly, text, zone); err != nil {
			return t, errMoment
		}
		if last {
			t = t.AddDate(0, 0, 1)
		}
	}
	if t.Year() < 1970 || t.Year() > 2200 {
		return time.Time{}, errMoment
	}
	return t, nil
}

// Columns are the columns that a file may have, for pages that explain it.
func Columns() []string { return []string{"extension", "name", "email", "team", "from", "to"} }
