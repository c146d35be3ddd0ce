package sip

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ringfence/internal/base/freeport"
)

// A real call: two ends of sipp through Debian's Kamailio with rtpengine as its
// media relay. Kamailio 5.6 cannot ask rtpengine for a copy of a call, as later
// releases can: the test does so by rtpengine's own protocol, and is the
// recording client towards us. Sound and description are rtpengine's.
func TestForkOfARealCall(t *testing.T) {
	w := newWorld(t, loopback())
	relay, proxy, called, caller := freeport.Number(t), freeport.Number(t), freeport.Number(t), freeport.Number(t)
	w.daemon("rtpengine", "--foreground", "--config-file=none", "--table=-1", "--interface=127.0.0.1", "--listen-ng=127.0.0.1:"+itoa(relay),
		"--port-min="+itoa(nextPorts+9000), "--port-max="+itoa(nextPorts+9100), "--log-stderr", "--log-level=4", "--num-threads=2")
	ng := w.ng(relay)
	w.until("the relay", func() bool { return ng.ask(map[string]any{"command": "ping"})["result"] == "pong" })
	w.daemon("kamailio", "-DD", "-E", "-f", w.kamailio(proxy, relay, called), "-P", filepath.Join(w.TempDir(), "pid"), "-m", "32", "-M", "4")
	w.end("called.xml", called, 660)
	w.end("caller.xml", caller, 440, "127.0.0.1:"+itoa(proxy), "-cid_str", "real-call", "-m", "1")

	// The relay knows a call from its offer on, and would fork the caller alone.
	w.until("the answer", func() bool {
		tags, _ := ng.ask(map[string]any{"command": "query", "call-id": "real-call"})["tags"].(map[string]any)
		return tags["caller"] != nil && tags["called"] != nil
	})
	var sub map[string]any
	w.until("the fork", func() bool {
		sub = ng.ask(map[string]any{"command": "subscribe request", "call-id": "real-call", "from-tags": []any{"caller", "called"}, "flags": []any{"siprec"}})
		return sub["result"] == "ok"
	})
	c := w.dial("tcp")
	c.id = "real-call"
	code, text := c.invite(labelled(fmt.Sprint(sub["sdp"])))
	if code != 200 {
		t.Fatalf("%d %s\n%s", code, text, sub["sdp"])
	}
	_, answer, _ := strings.Cut(text, "\r\n\r\n")
	if got := ng.ask(map[string]any{"command": "subscribe answer", "call-id": "real-call", "to-tag": sub["to-tag"], "sdp": answer}); got["result"] != "ok" {
		t.Fatal(got)
	}
	w.until("two seconds of sound", func() bool {
		l := w.siprec.Status(w.source.ID).Live
		return len(l) == 1 && len(l[0].Streams) == 2 && l[0].Streams[0].Packets > 100 && l[0].Streams[1].Packets > 100
	})
	if l := w.siprec.Status(w.source.ID).Live[0]; l.Streams[0].Lost+l.Streams[1].Lost != 0 {
		t.Errorf("lost packets: %+v", l)
	}
	c.bye()
	r := w.recorded(1)[0]
	h := w.heard(r)
	middle := h[0][len(h[0])/2 : len(h[0])/2+4000]
	other := h[1][len(h[1])/2 : len(h[1])/2+4000]
	if level(middle, 440) < 6000 || level(middle, 660) > 100 || level(other, 660) < 6000 || level(other, 440) > 100 {
		t.Errorf("caller %.0f/%.0f, called %.0f/%.0f", level(middle, 440), level(middle, 660), level(other, 440), level(other, 660))
	}
}

// labelled gives each line the label that the metadata name it by, where the
// relay has given none.
func labelled(sdp string) string {
	n := 0
	var out []string
	for line := range strings.SplitSeq(strings.TrimRight(sdp, "\r\n"), "\r\n") {
		if strings.HasPrefix(line, "a=label:") {
			continue
		}
		out = append(out, line)
		if strings.HasPrefix(line, "m=") {
			n++
			out = append(out, "a=label:"+itoa(n))
		}
	}
	return strings.Join(out, "\r\n") + "\r\n"
}

// daemon runs a program until the test ends.
func (w *world) daemon(name string, args ...string) {
	w.Helper()
	c := exec.Command(name, args...)
	c.Dir = w.TempDir()
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := os.Create(filepath.Join(w.TempDir(), name+".log"))
	w.no(err)
	c.Stdout, c.Stderr = log, log
	w.no(c.Start())
	w.Cleanup(func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGTERM)
		done := make(chan struct{})
		go func() { c.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
			<-done
		}
		if w.Failed() {
			b, _ := os.ReadFile(log.Name())
			w.Logf("%s: %s", name, b[max(0, len(b)-2000):])
		}
	})
}

// end runs one end of the call with sipp.
func (w *world) end(scenario string, port int, hz float64, args ...string) {
	w.Helper()
	dir := w.TempDir()
	w.no(os.WriteFile(filepath.Join(dir, "tone.pcma"), tone(hz, 10*time.Second), 0o600))
	path, err := filepath.Abs(filepath.Join("testdata", scenario))
	w.no(err)
	ctx, cancel := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, "sipp", append(args, "-sf", path, "-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", itoa(port), "-nostdin", "-timeout", "40", "-trace_err", "-error_file", filepath.Join(dir, "errors"))...)
	c.Dir, c.Env = dir, append(os.Environ(), "TERM=dumb")
	w.no(c.Start())
	w.Cleanup(func() {
		cancel()
		c.Wait()
		if b, err := os.ReadFile(filepath.Join(dir, "errors")); err == nil && w.Failed() {
			w.Logf("%s: %s", scenario, b[:min(len(b), 2000)])
		}
	})
}

func (w *world) kamailio(port, relay, called int) string {
	w.Helper()
	b, err := os.ReadFile("testdata/kamailio.cfg")
	w.no(err)
	modules := "/usr/lib/x86_64-linux-gnu/kamailio/modules/"
	if all, _ := filepath.Glob("/usr/lib/*/kamailio/modules/tm.so"); len(all) > 0 {
		modules = filepath.Dir(all[0]) + "/"
	}
	text := strings.NewReplacer("KAMAILIO_PORT", itoa(port), "NG_PORT", itoa(relay), "CALLED_PORT", itoa(called), "MODULES", modules).Replace(string(b))
	path := filepath.Join(w.TempDir(), "kamailio.cfg")
	w.no(os.WriteFile(path, []byte(text), 0o600))
	return path
}

// ng is rtpengine's control protocol: a cookie and bencoded text in a datagram.
type ng struct {
	*world
	conn net.Conn
	n    int
}

func (w *world) ng(port int) *ng {
	c, err := net.Dial("udp", "127.0.0.1:"+itoa(port))
	w.no(err)
	w.Cleanup(func() { c.Close() })
	return &ng{world: w, conn: c}
}

func (g *ng) ask(what map[string]any) map[string]any {
	g.Helper()
	g.n++
	cookie := "c" + itoa(g.n) + " "
	_, _ = g.conn.Write([]byte(cookie + bencode(what)))
	g.conn.SetReadDeadline(time.Now().Add(time.Second))
	buf := make([]byte, 65536)
	n, err := g.conn.Read(buf)
	if err != nil {
		time.Sleep(100 * time.Millisecond)
		return map[string]any{"result": err.Error()}
	}
	_, text, _ := strings.Cut(string(buf[:n]), " ")
	v, _ := bdecode(text)
	m, _ := v.(map[string]any)
	if m["result"] == "error" {
		time.Sleep(100 * time.Millisecond)
	}
	return m
}

func bencode(v any) string {
	switch v := v.(type) {
	case string:
		return itoa(len(v)) + ":" + v
	case []any:
		s := "l"
		for _, one := range v {
			s += bencode(one)
		}
		return s + "e"
	case map[string]any:
		var keys []string
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		s := "d"
		for _, k := range keys {
			s += bencode(k) + bencode(v[k])
		}
		return s + "e"
	}
	return bencode(fmt.Sprint(v))
}

func bdecode(s string) (any, string) {
	switch {
	case s == "":
		return nil, ""
	case s[0] == 'd':
		m := map[string]any{}
		for s = s[1:]; s != "" && s[0] != 'e'; {
			var k, v any
			k, s = bdecode(s)
			v, s = bdecode(s)
			m[fmt.Sprint(k)] = v
		}
		return m, s[min(1, len(s)):]
	case s[0] == 'l':
		var l []any
		for s = s[1:]; s != "" && s[0] != 'e'; {
			var v any
			v, s = bdecode(s)
			l = append(l, v)
		}
		return l, s[min(1, len(s)):]
	case s[0] == 'i':
		n, rest, _ := strings.Cut(s[1:], "e")
		return n, rest
	}
	n, rest, _ := strings.Cut(s, ":")
	size, err := strconv.Atoi(n)
	if err != nil || size > len(rest) {
		return nil, ""
	}
	return rest[:size], rest[size:]
}
