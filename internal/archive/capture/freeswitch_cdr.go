package capture

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
)

// legRecord is one CDR of FreeSWITCH, whichever module wrote it: mod_xml_cdr or mod_json_cdr. Values are decoded.
type legRecord struct {
	vars     map[string]string
	profiles []map[string]string // of callers, the latest first, as FreeSWITCH writes them
	apps     []appRun
}

// appRun is one application of the dial plan that a leg ran.
type appRun struct{ name, data string }

// Bounds of one CDR: a document that goes beyond them is no CDR.
const (
	maxDepth     = 32
	maxVariables = 5000
)

// readLeg reads a CDR by what it begins with. One that was posted as a form (`cdr=…`) is read, too.
func readLeg(b []byte) (*legRecord, error) {
	b = bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")))
	if rest, ok := bytes.CutPrefix(b, []byte("cdr=")); ok {
		text, err := url.QueryUnescape(string(rest))
		if err != nil {
			return nil, errors.New("the form cannot be decoded")
		}
		b = []byte(text)
	}
	switch {
	case len(b) == 0:
		return nil, errors.New("the record is empty")
	case b[0] == '<':
		return readLegXML(b)
	case b[0] == '{':
		return readLegJSON(b)
	}
	if plain, err := base64.StdEncoding.DecodeString(string(b)); err == nil && len(plain) > 0 && (plain[0] == '<' || plain[0] == '{') {
		return readLeg(plain)
	}
	return nil, errors.New("it is neither XML nor JSON")
}

// decoded undoes the encoding as in a URL. A plus sign stays: numbers have one, and FreeSWITCH writes a blank as %20.
func decoded(s string) string {
	s = strings.TrimSpace(s)
	if !strings.Contains(s, "%") {
		return s
	}
	if t, err := url.PathUnescape(s); err == nil {
		return t
	}
	return s
}

// readLegXML walks through the document; what it does not know it passes over.
func readLegXML(b []byte) (*legRecord, error) {
	l := &legRecord{vars: map[string]string{}}
	d := xml.NewDecoder(bytes.NewReader(b))
	d.Strict = false
	var path []string
	var text strings.Builder
	var profile map[string]string
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the XML is broken: %s", plain(err))
		}
		switch t := t.(type) {
		case xml.StartElement:
			if path = append(path, t.Name.Local); len(path) > maxDepth {
				return nil, errors.New("the XML is nested too deeply")
			}
			text.Reset()
			switch t.Name.Local {
			case "caller_profile":
				if parent(path, 1) == "callflow" {
					profile = map[string]string{}
				}
			case "application":
				l.apps = append(l.apps, appOf(t.Attr))
			}
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			name, value := t.Name.Local, decoded(text.String())
			text.Reset()
			switch {
			case parent(path, 1) == "variables" && len(l.vars) < maxVariables:
				l.vars[name] = value
			case parent(path, 1) == "caller_profile" && profile != nil:
				profile[name] = value
			case name == "caller_profile" && profile != nil && parent(path, 1) == "callflow":
				l.profiles, profile = append(l.profiles, profile), nil
			}
			path = path[:max(0, len(path)-1)]
		}
	}
	return l, l.check()
}

// parent is the name of an element so many levels up.
func parent(path []string, up int) string {
	if len(path) <= up {
		return ""
	}
	return path[len(path)-1-up]
}

func appOf(attrs []xml.Attr) (a appRun) {
	for _, at := range attrs {
		switch at.Name.Local {
		case "app_name":
			a.name = at.Value
		case "app_data":
			a.data = decoded(at.Value)
		}
	}
	return a
}

// readLegJSON reads the same from mod_json_cdr. `callflow` is an object in old releases, a list in newer ones.
func readLegJSON(b []byte) (*legRecord, error) {
	var doc struct {
		Variables map[string]any  `json:"variables"`
		Callflow  json.RawMessage `json:"callflow"`
		AppLog    struct {
			Applications []struct {
				Name string `json:"app_name"`
				Data string `json:"app_data"`
			} `json:"applications"`
		} `json:"app_log"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, fmt.Errorf("the JSON is broken: %w", err)
	}
	l := &legRecord{vars: texts(doc.Variables)}
	for _, a := range doc.AppLog.Applications {
		l.apps = append(l.apps, appRun{a.Name, decoded(a.Data)})
	}
	type flow struct {
		Profile map[string]any `json:"caller_profile"`
	}
	var many []flow
	if json.Unmarshal(doc.Callflow, &many) != nil {
		var one flow
		if json.Unmarshal(doc.Callflow, &one) == nil {
			many = append(many, one)
		}
	}
	for _, f := range many {
		if f.Profile != nil {
			l.profiles = append(l.profiles, texts(f.Profile))
		}
	}
	return l, l.check()
}

func texts(m map[string]any) map[string]string {
	out := map[string]string{}
	for k, v := range m {
		if len(out) >= maxVariables {
			break
		}
		switch v := v.(type) {
		case string:
			out[k] = decoded(v)
		case float64:
			out[k] = strconv.FormatFloat(v, 'f', -1, 64)
		}
	}
	return out
}

func (l *legRecord) check() error {
	if l.vars["uuid"] == "" {
		return errors.New("the record has no uuid, so that it fits no call")
	}
	return nil
}

// of gives the first of several variables that has a value.
func (l *legRecord) of(names ...string) string {
	for _, n := range names {
		if v := l.vars[n]; v != "" && v != "_undef_" && v != "undefined" {
			return v
		}
	}
	return ""
}

// first is what the profile with which the leg began says: FreeSWITCH puts the latest first.
func (l *legRecord) first(name string) string {
	if n := len(l.profiles); n > 0 {
		return l.profiles[n-1][name]
	}
	return ""
}

// at is an instant in ms: FreeSWITCH writes microseconds and seconds since 1970.
func (l *legRecord) at(name string) int64 {
	if n, err := strconv.ParseInt(l.vars[name+"_uepoch"], 10, 64); err == nil && n > 0 {
		return n / 1000
	}
	return number(l.vars[name+"_epoch"]) * 1000
}
