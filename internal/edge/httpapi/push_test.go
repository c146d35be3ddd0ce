package httpapi_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ringfence/internal/archive/intake"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/disk/disktest"
	"ringfence/internal/base/id"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/edge/sftp"
	"ringfence/internal/platform/place"
)

// pushing adds a source that files are pushed for, as a page of the portal does.
func (w *world) pushSource() (base string, source id.Source) {
	w.Helper()
	admin := w.as("customer_admin@a.example")
	base = "/api/v1/customers/" + w.a.id.String() + "/sources"
	var src httpapi.Source
	admin.do("POST", base, map[string]any{"name": "Cloud PBX", "kind": "drop", "profile": "generic", "time_zone": "UTC"}).expect(w, 201).into(w, &src)
	return base + "/" + src.ID, must[id.Source](w)(id.Parse[id.Source](src.ID))
}

// A source's own token pushes its files, by the commands that stand in the
// documentation, and nothing else.
func TestPushByHTTPS(t *testing.T) {
	w := newWorld(t)
	admin := w.as("customer_admin@a.example")
	base, source := w.pushSource()
	var shown httpapi.PushedSource
	admin.do("GET", base+"/push", nil).expect(w, 200).into(w, &shown)
	if !strings.HasPrefix(shown.Login, "rf-") || len(shown.Keys) != 0 || shown.TokenAt != nil {
		t.Errorf("%+v", shown)
	}
	var made httpapi.PushSecret
	admin.do("POST", base+"/push/token", nil).expect(w, 200).into(w, &made)
	dir := t.TempDir()
	body := make([]byte, 300_000)
	for i := range body {
		body[i] = byte(i * i >> 8)
	}
	if err := os.WriteFile(filepath.Join(dir, "call.wav"), body, 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	env := []string{"TOKEN=" + made.Secret, "DIGEST=" + base64.StdEncoding.EncodeToString(sum[:]), "URL=" + w.url + base + "/files"}
	curl := func(line string) (status int, answer string) {
		t.Helper()
		c := exec.Command("sh", "-c", line+` -s -w '\n%{http_code}' -o -`)
		c.Dir, c.Env = dir, append(os.Environ(), env...)
		out, err := c.Output()
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		text, code, _ := strings.Cut(strings.TrimRight(string(out), "\n")+"\n", "\n")
		if i := strings.LastIndex(strings.TrimSpace(string(out)), "\n"); i >= 0 {
			text, code = string(out)[:i], strings.TrimSpace(string(out)[i:])
		}
		fmt.Sscan(code, &status)
		return status, text
	}
	first := "" // answer to the documentation's upload
	for _, line := range documented(t) {
		status, answer := curl(line)
		if status != 200 {
			t.Errorf("%s: %d %s", line, status, answer)
		}
		first = cmp.Or(first, answer)
	}
	d := must[*intake.Drop](t)(w.drops.Drop(t.Context(), w.a.p, source))
	if got, err := fs.ReadFile(d.FS(), "call.wav"); err != nil || string(got) != string(body) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	var state httpapi.PushedFile
	if status, answer := curl(`curl -H "Authorization: Bearer $TOKEN" "$URL/call.wav"`); status != 200 || json.Unmarshal([]byte(answer), &state) != nil || !state.Whole || state.Bytes != 300_000 {
		t.Errorf("%d %s", status, answer)
	}
	for _, c := range []struct {
		line string
		want int
	}{
		{`curl -T call.wav -H "Authorization: Bearer $TOKEN" -H "Repr-Digest: sha-256=:$DIGEST:" "$URL/2026%2F11%2Fcall.wav"`, 200},
		{`curl -T call.wav -H "Authorization: Bearer $TOKEN" -H "Repr-Digest: sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:" "$URL/bad.wav"`, 422},
		{`curl -T call.wav -H "Authorization: Bearer $TOKEN" "$URL/..%2Fx.wav"`, 422},
		{`curl -T call.wav -H "Authorization: Bearer ${TOKEN}x" "$URL/x.wav"`, 401},
		{`curl -T call.wav "$URL/x.wav"`, 401},
		{`head -c 100000 call.wav | curl -T - -H "Authorization: Bearer $TOKEN" -H "Content-Range: bytes 0-299999/300000" "$URL/part.wav"`, 409},
		{`tail -c +100001 call.wav | curl -T - -H "Authorization: Bearer $TOKEN" -H "Repr-Digest: sha-256=:$DIGEST:" -H "Content-Range: bytes 100000-299999/300000" "$URL/part.wav"`, 200},
	} {
		if status, answer := curl(c.line); status != c.want {
			t.Errorf("%s: %d %s", c.line, status, answer)
		}
	}
	if got, err := fs.ReadFile(d.FS(), "part.wav"); err != nil || string(got) != string(body) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	w.note("PUT", base+"/files/call.wav", nil, response{status: 200, header: http.Header{"Content-Type": {"application/json"}}, body: first})
	if _, err := fs.Stat(d.FS(), "bad.wav"); err == nil {
		t.Error("what a digest denies was taken")
	}
	// The token opens this and nothing else; revoked, nothing.
	machine := w.browser()
	machine.token = made.Secret
	machine.do("GET", base+"/files/call.wav", nil).expect(w, 200)
	for _, other := range []string{base, base + "/push", "/api/v1/customers/" + w.a.id.String() + "/recordings"} {
		if got := machine.do("GET", other, nil); got.status == 200 {
			t.Errorf("%s opens with a token for pushing", other)
		}
	}
	admin.do("DELETE", base+"/push/token", nil).expect(w, 200)
	if status, _ := curl(`curl -T call.wav -H "Authorization: Bearer $TOKEN" "$URL/y.wav"`); status != 401 {
		t.Errorf("an ended token: %d", status)
	}
	if src := must[recording.Source](t)(w.recordings.Source(t.Context(), w.a.p, source)); src.Kind != recording.Drop {
		t.Error(src.Kind)
	}
}

// Where the server's disk has no room left, who pushes is told so, nothing
// half-sent stays, and the same upload goes through once there is room.
func TestPushToAFullDisk(t *testing.T) {
	w := newWorld(t)
	if err := disktest.Mount(t, w.waiting, 524<<20); err != nil { // 512 MiB are to stay free
		t.Skip("no disk can be mounted here: ", err)
	}
	base, source := w.pushSource()
	var made httpapi.PushSecret
	w.as("customer_admin@a.example").do("POST", base+"/push/token", nil).expect(t, 200).into(t, &made)
	put := func(name string, body []byte) (int, string) {
		t.Helper()
		r := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodPut, w.url+base+"/files/"+name, bytes.NewReader(body)))
		r.Header.Set("Authorization", "Bearer "+made.Secret)
		res := must[*http.Response](t)(http.DefaultClient.Do(r))
		defer res.Body.Close()
		return res.StatusCode, string(must[[]byte](t)(io.ReadAll(res.Body)))
	}
	small, large := make([]byte, 1<<20), make([]byte, 20<<20)
	if status, said := put("before.wav", small); status != 200 {
		t.Fatal(status, said)
	}
	here := func() (names []string) {
		for _, e := range must[[]os.DirEntry](t)(os.ReadDir(filepath.Join(w.waiting, w.a.id.String(), source.String()))) {
			names = append(names, e.Name())
		}
		return names
	}
	before := here()
	refused := func(name string, body []byte) {
		t.Helper()
		status, said := put(name, body)
		if status != http.StatusServiceUnavailable || !strings.Contains(said, "the disk of the server is almost full") {
			t.Errorf("%s: %d %s", name, status, said)
		}
		if now := here(); !slices.Equal(now, before) {
			t.Errorf("%s left something: %v, before %v", name, now, before)
		}
	}
	refused("large.wav", large) // room ends in its middle
	filler := filepath.Join(w.waiting, "filler")
	if err := os.WriteFile(filler, make([]byte, 12<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	refused("next.wav", small) // there is none at its start
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if status, said := put("next.wav", small); status != 200 {
		t.Fatal("there is room again: ", status, said)
	}
	d := must[*intake.Drop](t)(w.drops.Drop(t.Context(), w.a.p, source))
	for _, name := range []string{"before.wav", "next.wav"} {
		if got, err := fs.ReadFile(d.FS(), name); err != nil || len(got) != len(small) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

// documented are the commands of docs/ways-in.md, as they stand there.
func documented(t *testing.T) (lines []string) {
	t.Helper()
	text, err := os.ReadFile("../../../docs/ways-in.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "curl ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if len(lines) < 2 {
		t.Fatal("the documentation shows no commands")
	}
	return lines
}

// Keys and passwords are managed where people look for them; what was made is
// shown once.
func TestPushSettings(t *testing.T) {
	w := newWorld(t)
	admin := w.as("customer_admin@a.example")
	base, _ := w.pushSource()
	key := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2yAFCJfmsg5jjLLDtdQDWFMvm8cuMNyTIGzqXyrGFt"
	var shown httpapi.PushedSource
	admin.do("POST", base+"/push/keys", map[string]string{"name": "PBX", "key": key}).expect(w, 200).into(w, &shown)
	if len(shown.Keys) != 1 || !strings.HasPrefix(shown.Keys[0].Fingerprint, "SHA256:") {
		t.Fatalf("%+v", shown)
	}
	if got := admin.do("POST", base+"/push/keys", map[string]string{"name": "PBX", "key": "ssh-rsa x"}); got.status != http.StatusUnprocessableEntity {
		t.Error(got)
	}
	var made httpapi.PushSecret
	admin.do("POST", base+"/push/password", nil).expect(w, 200).into(w, &made)
	if len(made.Secret) < 32 || made.Source.PasswordAt == nil {
		t.Errorf("%+v", made)
	}
	admin.do("DELETE", base+"/push/password", nil).expect(w, 200).into(w, &shown)
	admin.do("DELETE", base+"/push/keys/"+shown.Keys[0].ID, nil).expect(w, 200).into(w, &shown)
	if len(shown.Keys) != 0 || shown.PasswordAt != nil {
		t.Errorf("%+v", shown)
	}
}

func (r response) expect(t testing.TB, status int) response {
	t.Helper()
	if r.status != status {
		t.Fatalf("%d instead of %d: %s", r.status, status, r.body)
	}
	return r
}

// What a telephone system has on an SFTP server is fetched once somebody has
// confirmed its key; here it is our own SFTP server, with the room of another source.
func TestFetchedByTheAPI(t *testing.T) {
	w := newWorld(t)
	c := w.as("customer_admin@a.example")
	there, source := w.pushSource()
	keys, err := sftp.HostKeys(t.Context(), w.store, filepath.Join(t.TempDir(), "host.key"))
	w.no(err)
	server := sftp.New(sftp.Options{Drops: w.drops, Store: w.store, Active: func(context.Context, *place.Place, id.Source) error { return nil }}, keys)
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	go func() { _ = server.Serve(l) }() // until Stop
	t.Cleanup(server.Stop)
	var login httpapi.PushSecret
	c.do("POST", there+"/push/password", nil).expect(t, 200).into(t, &login)
	file := must[*intake.Writer](t)(must[*intake.Drop](t)(w.drops.Drop(t.Context(), w.a.p, source)).Create("2026/call.wav"))
	must[int](t)(file.Write([]byte("sound")))
	w.no(file.Close())

	base := w.path("/sources")
	one := base + "/" + w.createdID(c, base, jsonMap{"name": "Fetched", "kind": "pickup", "profile": "generic", "time_zone": "UTC"})
	c.do("PUT", one+"/pickup", jsonMap{"protocol": "sftp", "host": l.Addr().String(), "user": login.Source.Login, "password": login.Secret, "folder": "/", "patterns": []string{}, "dated": "", "since": nil, "minutes": 5, "kbps": 0, "move_to": ""}).expect(t, 200)
	if got := c.do("POST", one+"/pickup/confirm", jsonMap{"fingerprint": "SHA256:another"}); got.status != 409 {
		t.Error("another key than was shown is confirmed:", got)
	}
	tried := c.do("POST", one+"/pickup/test", nil).expect(t, 409)
	shown := ""
	for _, f := range server.Fingerprints() {
		if _, print, _ := strings.Cut(f, " "); strings.Contains(tried.body, print) {
			shown = print
		}
	}
	if shown == "" {
		t.Fatal("the key is not shown to be compared:", tried)
	}
	var seen httpapi.Source
	if c.do("GET", one, nil).expect(t, 200).into(t, &seen); seen.State != "failing" || !strings.Contains(seen.StateText, shown) {
		t.Errorf("the source does not say that nothing can be fetched: %+v", seen)
	}
	c.do("POST", one+"/pickup/confirm", jsonMap{"fingerprint": shown}).expect(t, 200)
	if c.do("GET", one, nil).expect(t, 200).into(t, &seen); seen.State != "active" {
		t.Errorf("it was confirmed: %+v", seen)
	}
	if got := c.do("POST", one+"/pickup/test", nil).expect(t, 200); !strings.Contains(got.body, "2026/call.wav") {
		t.Error("a confirmed side is not listed:", got)
	}
}
