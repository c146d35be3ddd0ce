package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// made packs a small program twice into the folders that it gives.
func made(t *testing.T) (first, second string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho ringfence\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []*string{&first, &second} {
		*dir = t.TempDir()
		if err := (what{root: "..", server: program, box: program, release: "0.4.0", arch: "amd64", epoch: time.Unix(1_700_000_000, 0).UTC(), out: *dir}).run(); err != nil {
			t.Fatal(err)
		}
	}
	return first, second
}

// said runs a tool; one that is missing fails the test, as `make test` installs it.
func said(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func has(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !regexp.MustCompile("(?m)" + p).MatchString(text) {
			t.Errorf("no %q in\n%s", p, text)
		}
	}
}

func TestTheSameBytes(t *testing.T) {
	first, second := made(t)
	all, err := filepath.Glob(filepath.Join(first, "*"))
	if err != nil || len(all) != 4 {
		t.Fatal(all, err)
	}
	for _, name := range all {
		a, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(second, filepath.Base(name)))
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s is not the same twice (%v)", filepath.Base(name), err)
		}
	}
}

// The systems' own tools read what was written.
func TestDebian(t *testing.T) {
	dir, _ := made(t)
	deb := filepath.Join(dir, "ringfence_0.4.0_amd64.deb")
	has(t, said(t, "dpkg-deb", "--info", deb), `Package: ringfence$`, `Version: 0\.4\.0$`, `Architecture: amd64$`, `Conflicts: ringfence-collector$`)
	list := said(t, "dpkg-deb", "--contents", deb)
	has(t, list, `^-rwxr-xr-x root/root .* 2023-11-14 .* \./usr/bin/ringfence$`, `\./usr/lib/systemd/system/ringfence\.service$`, `\./usr/lib/sysusers\.d/ringfence\.conf$`)
	if strings.Contains(list, "./etc/") || strings.Contains(list, "./var/") {
		t.Errorf("a folder of the operator's belongs to the package, and would go with it:\n%s", list)
	}
	root := t.TempDir()
	said(t, "dpkg-deb", "--raw-extract", deb, root)
	for _, s := range []string{"preinst", "postinst", "prerm", "postrm"} {
		said(t, "sh", "-n", filepath.Join(root, "DEBIAN", s))
	}
	said(t, filepath.Join(root, "usr/bin/ringfence"))
	collector := said(t, "dpkg-deb", "--contents", filepath.Join(dir, "ringfence-collector_0.4.0_amd64.deb"))
	has(t, collector, `\./usr/lib/systemd/system/ringfence-collector\.service$`, `\./usr/bin/ringfence$`)
}

func TestRPM(t *testing.T) {
	dir, _ := made(t)
	rpm := filepath.Join(dir, "ringfence-0.4.0-1.x86_64.rpm")
	has(t, said(t, "rpm", "-qip", rpm), `Name\s*: ringfence$`, `Version\s*: 0\.4\.0$`, `Architecture: x86_64$`, `Build Host\s*: localhost$`)
	has(t, said(t, "rpm", "-qlvp", rpm), `^-rwxr-xr-x .* root\s+root .* /usr/bin/ringfence$`, `/usr/lib/systemd/system/ringfence\.service$`)
	has(t, said(t, "rpm", "--checksig", "--nosignature", rpm), `digests OK`)
	has(t, said(t, "rpm", "-qp", "--scripts", rpm), `preinstall scriptlet`, `postinstall scriptlet`, `preuninstall scriptlet`, `Nothing was deleted`)
}

// A removal that deleted a key would be the end of every recording.
func TestNoScriptDeletes(t *testing.T) {
	for _, p := range kinds() {
		if err := p.load(what{root: "..", server: os.Args[0], box: os.Args[0]}); err != nil {
			t.Fatal(err)
		}
		for _, body := range []string{p.coming, p.installed, p.leaving, p.gone, p.purged} {
			if m := regexp.MustCompile(`(?m)^[^#"]*\b(rm|rmdir|unlink|find|shred|userdel|deluser)\b`).FindString(body); m != "" {
				t.Errorf("%s: %q", p.name, m)
			}
		}
	}
}

// TestHardening holds both units to systemd's own judgement.
func TestHardening(t *testing.T) {
	const most = 2.0
	for _, unit := range []string{"ringfence.service", "../internal/platform/service/ringfence-collector.service"} {
		out := said(t, "systemd-analyze", "security", "--offline=true", "--no-pager", unit)
		m := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindStringSubmatch(out)
		if m == nil {
			t.Fatal(out)
		}
		if got, err := strconv.ParseFloat(m[1], 64); err != nil || got > most {
			t.Errorf("%s: exposure %s, at most %.1f", unit, m[1], most)
		}
	}
}

// TestUnits has systemd read both units: what it does not understand it would
// leave out without a word, a line of hardening for example.
func TestUnits(t *testing.T) {
	for _, unit := range []string{"ringfence.service", "../internal/platform/service/ringfence-collector.service"} {
		b, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		at := filepath.Join(t.TempDir(), filepath.Base(unit)) // the program need not be installed here
		if err := os.WriteFile(at, bytes.ReplaceAll(b, []byte("/usr/bin/ringfence"), []byte("/bin/true")), 0o600); err != nil {
			t.Fatal(err)
		}
		if out := said(t, "systemd-analyze", "verify", "--man=no", at); strings.TrimSpace(out) != "" {
			t.Errorf("%s: %s", unit, out)
		}
	}
}

// No container engine runs where this was written: what can be known without
// one is that the file's parts are there and that it keeps to the rules.
func TestContainerfile(t *testing.T) {
	b, err := os.ReadFile("Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`\\\n\s*`).ReplaceAllString(string(b), " ")
	has(t, text, `^FROM .*:\S+`, `^USER (?:[1-9]\d*|ringfence)`, `^HEALTHCHECK .*ringfence", "health"`, `^ENTRYPOINT \["/usr/bin/ringfence"\]`, `^VOLUME .*/var/lib/ringfence-keys`)
	copies := regexp.MustCompile(`(?m)^COPY (?:--\S+ )*(\S+) `).FindAllStringSubmatch(text, -1)
	if len(copies) == 0 {
		t.Error("nothing is copied")
	}
	for _, c := range copies {
		if strings.HasPrefix(c[1], "dist/") || strings.Contains(text, "--from=") && strings.HasPrefix(c[1], "/") {
			continue // made by `make packages`
		}
		if _, err := os.Stat(filepath.Join("..", c[1])); err != nil {
			t.Errorf("COPY %s: %v", c[1], err)
		}
	}
	instruction := regexp.MustCompile(`^(?:FROM|ARG|RUN|COPY|USER|VOLUME|EXPOSE|HEALTHCHECK|ENTRYPOINT|CMD|LABEL|ENV|WORKDIR|STOPSIGNAL) `)
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" && !strings.HasPrefix(line, "#") && !instruction.MatchString(line) {
			t.Errorf("no instruction: %q", line)
		}
	}
}
