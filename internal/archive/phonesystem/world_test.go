package phonesystem_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ringfence/internal/archive/phonesystem"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/egress"
	"ringfence/internal/platform/place"
)

func schemas() place.Schemas {
	s := recordingtest.Schemas(egress.Migrations(), phonesystem.Migrations())
	s.Housekeeping = slices.Concat(s.Housekeeping, egress.Housekeeping(), phonesystem.Housekeeping)
	return s
}

// folderDrop is a drop that is a folder: a file is there once it is closed.
type folderDrop string

type folderFile struct {
	*os.File
	to string
	at time.Time
}

func (d folderDrop) Create(name string) (phonesystem.File, error) {
	f, err := os.CreateTemp(string(d), ".part-*")
	return &folderFile{File: f, to: filepath.Join(string(d), name)}, err
}

func (f *folderFile) SetTime(t time.Time) { f.at = t }

func (f *folderFile) Close() error {
	if err := f.File.Close(); err != nil {
		return err
	}
	if err := os.Chtimes(f.Name(), f.at, f.at); err != nil {
		return err
	}
	return os.Rename(f.Name(), f.to)
}

func (f *folderFile) Abort() error {
	f.File.Close()
	return os.Remove(f.Name())
}

// pbx speaks what a telephone system speaks, and does what it is told to do wrongly.
type pbx struct {
	*httptest.Server
	mu      sync.Mutex
	secret  string
	token   int
	valid   map[string]bool
	calls   []time.Time // one recording each
	links   map[string]bool
	asked   map[string]int // by path
	fault   func(path string, n int) (status int, body string, header map[string]string)
	expired int // links that run out before they are used
}

func newPBX(t testing.TB, calls int) *pbx {
	p := &pbx{secret: "s3cret", valid: map[string]bool{}, links: map[string]bool{}, asked: map[string]int{}}
	for i := range calls {
		p.calls = append(p.calls, time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC).Add(time.Duration(i)*time.Minute))
	}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Server.Close)
	return p
}

func (p *pbx) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	path := r.URL.Path
	if strings.Contains(path, "DownloadRecording") {
		path = "download"
	}
	p.asked[path]++
	if p.fault != nil {
		if status, body, header := p.fault(path, p.asked[path]); status != 0 {
			for k, v := range header {
				w.Header().Set(k, v)
			}
			w.WriteHeader(status)
			fmt.Fprint(w, body)
			return
		}
	}
	switch {
	case path == "/connect/token":
		if r.FormValue("client_secret") != p.secret || r.FormValue("grant_type") != "client_credentials" {
			http.Error(w, `{"error":"invalid_client"}`, 400)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"access_token": p.fresh(), "expires_in": 3600, "token_type": "Bearer"})
	case path == "/openapi/v1.0/get_token":
		var in map[string]string
		json.NewDecoder(r.Body).Decode(&in)
		if in["password"] != p.secret {
			fmt.Fprint(w, `{"errcode":70030,"errmsg":"INVALID USERNAME OR PASSWORD"}`)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"errcode": 0, "errmsg": "SUCCESS", "access_token": p.fresh(), "access_token_expire_time": 1800})
	case path == "/":
		fmt.Fprint(w, "hello")
	case strings.HasPrefix(path, "/openapi/") || strings.HasPrefix(path, "/api/"):
		p.yeastar(w, r)
	default:
		p.threeCX(w, r, path)
	}
}

func (p *pbx) fresh() string {
	p.token++
	t := "token-" + strconv.Itoa(p.token)
	p.valid[t] = true
	return t
}

func (p *pbx) threeCX(w http.ResponseWriter, r *http.Request, path string) {
	if !p.valid[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] {
		http.Error(w, "", http.StatusUnauthorized)
		return
	}
	if path == "download" {
		var n int
		fmt.Sscanf(r.URL.Path, "/xapi/v1/Recordings/Pbx.DownloadRecording(recId=%d)", &n)
		w.Header().Set("Content-Type", "audio/x-wav")
		w.Write(recordingtest.Tone(n, 2, 100*time.Millisecond))
		return
	}
	filter, top := r.URL.Query().Get("$filter"), 100
	after := 0
	fmt.Sscanf(filter, "Id gt %d", &after)
	value := []map[string]any{}
	for i, at := range p.calls {
		if i+1 <= after || len(value) == top {
			continue
		}
		value = append(value, map[string]any{
			"Id": i + 1, "StartTime": at.Format(time.RFC3339), "EndTime": at.Add(30 * time.Second).Format(time.RFC3339), "CallType": "InboundExternal",
			"FromCallerNumber": "+447700900123", "FromDisplayName": "Agnes", "ToDn": "201", "ToDidNumber": "02079460123", "Transcription": "not ours to take",
			"RecordingUrl": "201/x.wav",
		})
	}
	json.NewEncoder(w).Encode(map[string]any{"value": value})
}

func (p *pbx) yeastar(w http.ResponseWriter, r *http.Request) {
	if !p.valid[r.URL.Query().Get("access_token")] {
		fmt.Fprint(w, `{"errcode":10004,"errmsg":"ACCESS TOKEN EXPIRED"}`)
		return
	}
	name := func(i int) string {
		return fmt.Sprintf("%s-%d.%d-+447700900123-201-Inbound.wav", p.calls[i].Format("20060102150405"), p.calls[i].Unix(), i)
	}
	switch path := r.URL.Path; {
	case path == "/openapi/v1.0/cdr/search":
		since, _ := strconv.ParseInt(r.URL.Query().Get("start_time"), 10, 64)
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		size, _ := strconv.Atoi(r.URL.Query().Get("page_size"))
		var all []map[string]any
		for i, at := range p.calls {
			if at.Unix() >= since {
				all = append(all, map[string]any{
					"id": i + 1, "uid": fmt.Sprintf("%d.%d", at.Unix(), i), "timestamp": at.Unix(), "time": at.Format("2006-01-02 15:04:05"), "call_from": "+447700900123",
					"call_to": "Ada<201>", "duration": 30, "talk_duration": 25, "disposition": "ANSWERED", "call_type": "Inbound", "record_file": name(i),
				})
			}
		}
		total := len(all)
		all = all[min((page-1)*size, total):min(page*size, total)]
		json.NewEncoder(w).Encode(map[string]any{"errcode": 0, "errmsg": "SUCCESS", "total_number": total, "data": all})
	case path == "/openapi/v1.0/recording/download":
		link := fmt.Sprintf("/api/download/%d-%s", p.asked[path], r.URL.Query().Get("file"))
		p.links[link] = p.expired == 0
		if p.expired > 0 {
			p.expired--
		}
		json.NewEncoder(w).Encode(map[string]any{"errcode": 0, "errmsg": "SUCCESS", "file": "x", "download_resource_url": link})
	case strings.HasPrefix(path, "/api/download/"):
		if !p.links[path] {
			http.Error(w, "", 404)
			return
		}
		delete(p.links, path) // once
		w.Write(recordingtest.Tone(len(path), 2, 100*time.Millisecond))
	default:
		http.NotFound(w, r)
	}
}

// asking is a world with a source that asks a system.
type asking struct {
	*recordingtest.World
	*phonesystem.Service
	source id.Source
	dir    string
	now    time.Time
}

func ask(t testing.TB, w *recordingtest.World, system, address string) *asking {
	t.Helper()
	a := &asking{World: w, dir: t.TempDir(), now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	src, err := w.Service.AddSource(t.Context(), w.Place, w.Who, recording.Source{Kind: recording.System, Name: "pbx", Profile: system, TimeZone: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	a.source = src.ID
	a.open(t)
	err = a.Set(t.Context(), w.Place, w.Who, src.ID, phonesystem.Settings{
		System: system, Address: address, ClientID: "ringfence", Secret: secret.NewText("s3cret"), Since: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// open makes the service anew, as a restart does.
func (a *asking) open(t testing.TB) {
	out, err := egress.New(egress.Options{Private: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	a.Service = phonesystem.NewService(phonesystem.Options{
		Store: a.Store, Recordings: a.World.Service, Egress: out, Now: func() time.Time { return a.now },
		Drop: func(context.Context, *place.Place, id.Source) (phonesystem.Drop, error) {
			return folderDrop(a.dir), nil
		},
	})
}

func (a *asking) look(t testing.TB) error {
	t.Helper()
	return a.Look(t.Context(), a.Place, a.source)
}

// sounds are the recordings in the drop.
func (a *asking) sounds(t testing.TB) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(a.dir, "*.wav"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}
