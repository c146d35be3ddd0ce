package capture

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/base/disk"
)

// Facts are what a sidecar or a file's name may say of a recording. All are text and all may be missing:
//
//	file         the sound file's name (only in a CSV for the whole folder)
//	id           what files of one call have in common
//	started_at   2006-01-02T15:04:05Z07:00, or 2006-01-02 15:04:05 in the source's time zone, or seconds since 1970
//	ended_at     likewise
//	caller       number or extension; caller_name its name
//	dialled      number or extension
//	extension    the agent's telephone; agent his name
//	queue        name of the queue
//	direction    inbound, outbound or internal
//	side         caller or agent, for a file that holds one party only
type facts map[string]string

// factNames are the names above, with the ones that others use for them.
var factNames = map[string]string{
	"file": "file", "filename": "file", "recording": "file", "id": "id", "call_id": "id", "uniqueid": "id",
	"started_at": "started", "started": "started", "start": "started", "date": "started", "ended_at": "ended", "ended": "ended", "end": "ended",
	"caller": "caller", "from": "caller", "src": "caller", "caller_name": "caller_name", "dialled": "dialled", "dialed": "dialled", "to": "dialled",
	"dst": "dialled", "extension": "extension", "agent": "agent", "agent_name": "agent", "queue": "queue", "direction": "direction", "side": "side",
}

// Bounds of sidecars: more is none.
const (
	maxSidecarJSON = 64 << 10
	maxSidecarCSV  = 32 << 20
	maxSidecarRows = 200_000
)

// sidecars keeps what the files beside the sound say.
type sidecars struct {
	byFile map[string]facts      // path of a sound file, or its path without ending → what is known
	seen   map[string]*soundFile // sidecars by path: size and time when they were read
	owners map[string][]string   // sidecar → its keys in byFile, to take them back when it changes
	fresh  []string              // keys that changed since they were asked for

	columns map[string]string // what columns are called that have other names
	only    map[string]bool   // what is kept; nil: everything
}

func newSidecars() *sidecars {
	return &sidecars{byFile: map[string]facts{}, seen: map[string]*soundFile{}, owners: map[string][]string{}}
}

// again looks at all CSV files once more: a row that is appended does not change the folder. A JSON sidecar is written once.
func (s *sidecars) again(root fs.FS) (problems []Problem) {
	for p := range s.seen {
		if strings.EqualFold(path.Ext(p), ".csv") || s.seen[p].size < 0 {
			problems = append(problems, s.look(root, p)...)
		}
	}
	return problems
}

// look reads a sidecar if it is one and has changed.
func (s *sidecars) look(root fs.FS, p string) []Problem {
	ext := strings.ToLower(path.Ext(p))
	if ext != ".json" && ext != ".csv" {
		return nil
	}
	problem := func(line int, err error) []Problem {
		return []Problem{{Path: p, Line: line, Reason: plainFault(err), Advice: "correct the file; the recording is kept with what its name says"}}
	}
	info, err := fs.Stat(root, p)
	if err != nil || !info.Mode().IsRegular() {
		if errors.Is(err, fs.ErrNotExist) {
			s.drop(p)
			return nil
		}
		return problem(0, errors.New("the sidecar cannot be read"))
	}
	last := s.seen[p]
	if last != nil && last.size == info.Size() && last.modified.Equal(info.ModTime()) {
		return nil
	}
	s.drop(p)
	s.seen[p] = &soundFile{path: p, size: info.Size(), modified: info.ModTime()}
	file, err := root.Open(p)
	if disk.Busy(err) {
		s.seen[p].size = -1 // to be tried again
		return nil
	}
	if err != nil {
		return problem(0, err)
	}
	defer file.Close()
	if ext == ".json" {
		f, err := readSidecarJSON(io.LimitReader(file, maxSidecarJSON+1))
		if err != nil {
			return problem(0, err)
		}
		s.put(p, strings.TrimSuffix(p, path.Ext(p)), f)
		return nil
	}
	var problems []Problem
	most, rows := int64(maxSidecarCSV), maxSidecarRows
	if s.only != nil { // what is not asked for costs no memory
		most, rows = most*64, rows*64
	}
	if info.Size() > most {
		return problem(0, fmt.Errorf("the list is larger than %d MiB", most>>20))
	}
	readSidecarCSV(file, s.columns, rows, func(f facts) {
		key := strings.TrimSuffix(p, path.Ext(p))
		if f["file"] != "" {
			key = path.Join(path.Dir(p), path.Clean("/"+strings.ReplaceAll(f["file"], `\`, "/")))
		}
		s.put(p, key, f)
	}, func(line int, err error) {
		if len(problems) < maxProblems {
			problems = append(problems, problem(line, err)...)
		}
	})
	return problems
}

func (s *sidecars) put(from, key string, f facts) {
	if s.only != nil && !s.only[key] {
		return
	}
	s.byFile[key] = f
	s.owners[from] = append(s.owners[from], key)
	s.fresh = append(s.fresh, key)
}

func (s *sidecars) drop(p string) {
	for _, k := range s.owners[p] {
		delete(s.byFile, k)
	}
	delete(s.owners, p)
	delete(s.seen, p)
}

// of gives what is known of a sound file: by its whole name (rec.wav in a list, rec.wav.json), else by its name without ending.
func (s *sidecars) of(p string) facts {
	if f, ok := s.byFile[p]; ok {
		return f
	}
	return s.byFile[strings.TrimSuffix(p, path.Ext(p))]
}

// readSidecarJSON reads one object. Numbers are taken as text; other values are faults that name the field.
func readSidecarJSON(r io.Reader) (facts, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if len(b) > maxSidecarJSON {
		return nil, fmt.Errorf("the sidecar is larger than %d KiB", maxSidecarJSON>>10)
	}
	var raw map[string]any
	if err := json.Unmarshal(b, &raw); err != nil {
		return nil, fmt.Errorf("it is no JSON object: %w", err)
	}
	out := facts{}
	for k, v := range raw {
		name, ok := factNames[strings.ToLower(k)]
		if !ok {
			continue
		}
		switch v := v.(type) {
		case string:
			out[name] = v
		case float64:
			out[name] = strconv.FormatFloat(v, 'f', -1, 64)
		case nil:
		default:
			return nil, fmt.Errorf("%s must be text", name)
		}
	}
	return out, nil
}

// readSidecarCSV reads a list with a heading line. A bad row is told with its number and left out.
func readSidecarCSV(r io.Reader, columns map[string]string, most int, row func(facts), bad func(line int, err error)) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	var names []string
	var fields []string
	var err error
	n := 0
	semicolons := false
	for s.Scan() && n <= most {
		n++
		text := strings.TrimPrefix(strings.TrimRight(s.Text(), "\r"), "\ufeff")
		if strings.TrimSpace(text) == "" {
			continue
		}
		if names == nil { // spreadsheets of many countries write semicolons
			semicolons = strings.Count(text, ";") > strings.Count(text, ",")
		}
		if semicolons {
			fields = strings.Split(text, ";")
			for i, f := range fields {
				fields[i] = strings.Trim(strings.TrimSpace(f), `"`)
			}
		} else if fields, err = splitCSV(text, fields); err != nil {
			bad(n, err)
			continue
		}
		if names == nil {
			for _, f := range fields {
				name := strings.ToLower(strings.TrimSpace(f))
				if to, ok := columns[name]; ok {
					name = to
				}
				names = append(names, factNames[name])
			}
			if !slices.ContainsFunc(names, func(s string) bool { return s != "" }) {
				bad(n, errors.New("the first line must name the columns, for example file,started_at,caller,dialled,extension"))
				return
			}
			continue
		}
		if len(fields) != len(names) {
			bad(n, fmt.Errorf("the row has %d columns; the first line names %d", len(fields), len(names)))
			continue
		}
		f := facts{}
		for i, v := range fields {
			if names[i] != "" && v != "" {
				f[names[i]] = strings.Clone(v)
			}
		}
		row(f)
	}
	if err := s.Err(); err != nil {
		bad(n+1, fmt.Errorf("reading stopped: %s", plain(err)))
	}
}

// when reads a time of a sidecar. A wall time is in the source's zone; of the two instants of a repeated hour the first is taken.
func (f facts) when(name string, zone *time.Location) (time.Time, error) {
	v := strings.TrimSpace(f[name])
	if v == "" {
		return time.Time{}, nil
	}
	for _, l := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999Z0700"} {
		if t, err := time.Parse(l, v); err == nil {
			return t.UTC(), nil
		}
	}
	c := clock{zone: zone}
	for _, l := range []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "20060102-150405", "20060102150405", "2006-01-02 15:04"} {
		if t, err := time.Parse(l, v); err == nil {
			return time.UnixMilli(c.instant(t.UnixMilli(), 0)).UTC(), nil
		}
	}
	if ms, absolute, ok := parseWall(v); ok && absolute {
		return time.UnixMilli(ms).UTC(), nil
	}
	return time.Time{}, fmt.Errorf("%s: %q is no time; write 2026-11-22T05:36:44Z, or 2026-11-22 05:36:44 for the source's time zone", name, clipped(v))
}

// text gives a field as valid UTF-8, without what could forge lines or move a cursor.
func (f facts) text(name string) string {
	v := Shown(strings.TrimSpace(f[name]))
	if len(v) > 200 {
		v = strings.ToValidUTF8(v[:200], "")
	}
	return v
}
