package siprec

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
)

var noon = time.Date(2026, 11, 22, 12, 44, 13, 0, time.UTC)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "metadata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sessionOf is a session of two streams with the given labels and metadata.
func sessionOf(metadata []byte, labels ...string) Session {
	var streams []Media
	for _, l := range labels {
		streams = append(streams, Media{Label: l, Taken: true})
	}
	s, _ := Session{}.Next(Fact{What: Invited, At: noon, Streams: streams, Metadata: metadata})
	s, _ = s.Next(Fact{What: Confirmed, At: noon.Add(time.Second)})
	return s
}

func ended(s Session) Session {
	s, _ = s.Next(Fact{What: Left, At: s.Begun.Add(time.Minute)})
	return s
}

// The same call, as different systems tell it. Oracle's and the draft's forms
// follow their published documentation, the others what is known of them.
func TestDialectsTellTheSameCall(t *testing.T) {
	for name, c := range map[string]struct {
		labels []string
		sides  []int
		ident  string
	}{
		"oracle.xml":     {[]string{"65805", "65804"}, []int{1, 0}, "00FA08001900014E3E7D5C"},
		"audiocodes.xml": {[]string{"1", "2"}, []int{0, 1}, "FA080030C4E34B5B9E59"},
		"opensips.xml":   {[]string{"2", "1"}, []int{1, 0}, "a91bd5ea-1f2b-11f1-8f4d-0242ac120007@192.0.2.30"},
		"cisco.xml":      {[]string{"1", "2"}, []int{0, 1}, "db248b6cbdc547bbc6c6fdfb6916eeb4"},
		"draft.xml":      {[]string{"1", "2"}, []int{0, 1}, "urn:uuid:79b2fcd8-5c7f-455c-783f-db334e5d57d0"},
		"nothing.xml":    {[]string{"", ""}, []int{0, 1}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := ended(sessionOf(sample(t, name), c.labels...))
			call, sides := s.Call(Rule{Country: "GB"})
			if call.Caller.Number != "+442079460123" || call.Dialled != "201" || call.Direction != recording.Inbound || len(call.Agents) != 1 || call.Agents[0].Extension != "201" {
				t.Errorf("the call is %+v", call)
			}
			if !slices.Equal(sides, c.sides) {
				t.Errorf("sides %v, want %v", sides, c.sides)
			}
			if c.ident != "" && !slices.Contains(call.Idents, c.ident) {
				t.Errorf("idents %q lack %q", call.Idents, c.ident)
			}
			if s.Story.Unread != 0 {
				t.Error("not read")
			}
		})
	}
}

func TestWhichSideIsOurs(t *testing.T) {
	two := `<recording><participant participant_id="a"><nameID aor="%s"/></participant><participant participant_id="b"><nameID aor="%s"/></participant></recording>`
	for _, c := range []struct {
		from, to string
		ours     []string
		want     recording.Direction
	}{
		{"sip:201@pbx", "sip:02079460123@pbx", nil, recording.Outbound},
		{"sip:201@pbx", "sip:202@pbx", nil, recording.Internal},
		{"sip:02079460123@pbx", "sip:+441614960000@pbx", nil, recording.UnknownDirection},
		{"sip:02079460123@pbx", "sip:+441614960000@pbx", []string{"+4416149600*"}, recording.Inbound},
		{"sip:ada@pbx.example.com", "sip:02079460123@carrier", []string{"*@pbx.example.com"}, recording.Outbound},
		{"sip:301@pbx", "sip:201@pbx", []string{"2??"}, recording.Inbound},
		{"sip:anonymous@anonymous.invalid", "sip:201@pbx", nil, recording.Inbound},
		{"sip:201@pbx", "", nil, recording.UnknownDirection},
	} {
		call, _ := ended(sessionOf([]byte(fmt.Sprintf(two, c.from, c.to)), "1", "2")).Call(Rule{"GB", c.ours})
		if call.Direction != c.want && c.to != "" {
			t.Errorf("%s to %s: %s, want %s", c.from, c.to, call.Direction, c.want)
		}
		if strings.Contains(c.from, "anonymous") && (!call.Caller.Withheld || call.Caller.Number != "") {
			t.Errorf("a withheld number: %+v", call.Caller)
		}
	}
}

// After a transfer the new agent is laid on our side, and the call tells who was
// there when.
func TestTransferByPartialMetadata(t *testing.T) {
	s := sessionOf(sample(t, "audiocodes.xml"), "1", "2")
	s, effects := s.Next(Fact{What: Changed, At: noon.Add(30 * time.Second), Streams: []Media{{Label: "1", Taken: true}, {Label: "2", Taken: true, Held: true}, {Label: "3", Taken: true}}, Metadata: []byte(`
		<recording xmlns="urn:ietf:params:xml:ns:recording:1"><datamode>Partial</datamode>
		<participant participant_id="333"><nameID aor="sip:202@x"><name>Cy</name></nameID></participant>
		<stream stream_id="s3"><label>3</label></stream>
		<participantsessionassoc participant_id="182052092"><disassociate-time>2026-11-22T12:44:42Z</disassociate-time></participantsessionassoc>
		<participantstreamassoc participant_id="333"><send>s3</send></participantstreamassoc></recording>`)})
	if len(effects) != 2 || effects[1].Do != Accept {
		t.Fatalf("effects %v", effects)
	}
	call, sides := ended(s).Call(Rule{Country: "GB"})
	if !slices.Equal(sides, []int{0, 1, 1}) {
		t.Errorf("sides %v", sides)
	}
	if len(call.Legs) != 3 || call.Legs[1].To == nil || call.Legs[2].Role != "transfer_target" || len(call.Agents) != 2 {
		t.Errorf("legs %+v agents %+v", call.Legs, call.Agents)
	}
	var what []string
	for _, e := range call.Events {
		what = append(what, e.What)
	}
	if !slices.Equal(what, []string{"left", "hold", "joined"}) {
		t.Errorf("happenings %v", what)
	}
}

// A complete document says who is there: whoever it leaves out has gone.
func TestCompleteMetadataReplaces(t *testing.T) {
	s := sessionOf(sample(t, "audiocodes.xml"), "1", "2")
	s, _ = s.Next(Fact{What: Told, At: noon.Add(20 * time.Second), Metadata: []byte(`<recording><datamode>complete</datamode>
		<participant participant_id="1056"><nameID aor="+442079460123"/></participant></recording>`)})
	if p := s.Story.People[1]; p.Gone.IsZero() {
		t.Errorf("still there: %+v", p)
	}
	if p := s.Story.People[0]; !p.Gone.IsZero() {
		t.Errorf("gone: %+v", p)
	}
}

func TestMetadataThatIsRefused(t *testing.T) {
	bomb := `<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]><recording><name>&lol2;</name></recording>`
	for name, c := range map[string]struct {
		text string
		kind fault.Kind
	}{
		"a bomb of entities": {bomb, fault.Invalid},
		"an outside entity":  {`<!DOCTYPE r SYSTEM "http://127.0.0.1/x"><recording/>`, fault.Invalid},
		"too deep":           {"<recording>" + strings.Repeat("<a>", 1000), fault.TooLarge},
		"too many":           {"<recording>" + strings.Repeat("<a/>", 10_000), fault.TooLarge},
		"too long":           {strings.Repeat(" ", MaxMetadata+1), fault.TooLarge},
		"no XML":             {"hello", fault.Invalid},
		"something else":     {"<html/>", fault.Invalid},
	} {
		if _, err := ParseMetadata([]byte(c.text)); !fault.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The call is kept all the same.
	s := sessionOf([]byte(bomb), "1", "2")
	if s.State != Recording || s.Story.Unread != 1 {
		t.Errorf("a bomb ended the session: %+v", s)
	}
}

func TestBodies(t *testing.T) {
	part := "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b\r\nContent-Type: %s\r\n\r\n<recording/>\r\n--b--\r\n"
	for name, c := range map[string]struct{ kind, body string }{
		"RFC 9806":       {`multipart/mixed;boundary=b`, fmt.Sprintf(part, "application/rs-metadata+xml")},
		"RFC 7866":       {`multipart/mixed; boundary="b"`, fmt.Sprintf(part, "application/rs-metadata; charset=utf-8")},
		"no boundary":    {`multipart/mixed`, fmt.Sprintf(part, "application/rs-metadata")},
		"no end":         {`multipart/mixed;boundary=b`, strings.TrimSuffix(fmt.Sprintf(part, "application/rs-metadata"), "--b--\r\n")},
		"line feeds":     {`multipart/mixed;boundary=b`, strings.ReplaceAll(fmt.Sprintf(part, "application/rs-metadata+xml"), "\r\n", "\n")},
		"base64 wrapped": {`multipart/mixed;boundary=b`, "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b\r\nContent-Type: application/rs-metadata+xml\r\nContent-Transfer-Encoding: base64\r\n\r\nPHJlY29y\r\nZGluZy8+\r\n--b--"},
	} {
		b, err := ParseBody(c.kind, []byte(c.body))
		if err != nil || !strings.HasPrefix(string(b.SDP), "v=0") || !strings.HasPrefix(string(b.Metadata), "<recording/>") {
			t.Errorf("%s: %q %q %v", name, b.SDP, b.Metadata, err)
		}
	}
	if b, err := ParseBody("application/sdp", []byte("v=0")); err != nil || string(b.SDP) != "v=0" {
		t.Error(b, err)
	}
	if _, err := ParseBody("multipart/mixed;boundary=b", []byte(strings.Repeat("--b\r\n\r\nx\r\n", 100))); !fault.Is(err, fault.TooLarge) {
		t.Error("a hundred parts:", err)
	}
}

func FuzzMetadata(f *testing.F) {
	files, _ := filepath.Glob("testdata/metadata/*.xml")
	for _, name := range files {
		f.Add(sample(f, filepath.Base(name)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := sessionOf(text, "1", "2", "")
		s, _ = s.Next(Fact{What: Told, At: noon.Add(time.Second), Metadata: text})
		_, sides := ended(s).Call(Rule{Country: "GB", Ours: []string{"2??"}})
		if len(sides) != 3 {
			t.Fatal(sides)
		}
	})
}

func FuzzBody(f *testing.F) {
	f.Add("multipart/mixed;boundary=b", []byte("--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--"))
	f.Add("multipart/mixed", []byte("--\r\n\r\n----"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		b, err := ParseBody(kind, body)
		if err == nil && len(b.SDP)+len(b.Metadata) > 2*len(body) {
			t.Fatal("more came out than went in")
		}
	})
}
