package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// pretended packs a program that only writes down how it was called.
func pretended(t *testing.T, release string) string {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	text := fmt.Sprintf("#!/bin/sh\necho \"program %s $*\" >>/said\ncase \"$*\" in *--settle*) [ ! -e /settle-fails ] ;; esac\n", release)
	if err := os.WriteFile(program, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := (what{root: "..", server: program, box: program, release: release, arch: runtime.GOARCH, epoch: time.Unix(1_700_000_000, 0).UTC(), out: dir}).run(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "ringfence-"+release+"-1."+rpmArch[runtime.GOARCH]+".rpm")
}

// TestRPMLife has rpm itself run the scriptlets: the first install makes user and
// folders and starts nothing; an upgrade keeps the program before and lets it
// judge, and one that is not well is told; a removal stops the service and
// deletes nothing. It takes root, in a mount namespace of its own.
func TestRPMLife(t *testing.T) {
	if out, err := exec.Command("unshare", "--mount", "sh", "-c", "mount -t tmpfs tmpfs /mnt").CombinedOutput(); err != nil {
		t.Skipf("nothing can be mounted here: %s", out)
	}
	out := said(t, "unshare", "--mount", "sh", "testdata/rpm-life.sh", t.TempDir(), pretended(t, "0.4.0"), pretended(t, "0.5.0"))
	parts := map[string]string{}
	for part := range strings.SplitSeq("\n"+out, "\n== ") {
		name, text, _ := strings.Cut(part, "\n")
		if _, again := parts[name]; !again { // what was said has the same headings again
			parts[name] = text
		} else {
			parts["said: "+name] = text
		}
	}
	has(t, parts["install"], `Ringfence is installed and not started\. Next: ringfence init`, `^drwxr-x--- its:own /etc/ringfence$`, `^drwx------ its:own /var/lib/ringfence$`, `^drwx------ its:own /var/lib/ringfence-keys$`, `^1$`)
	has(t, parts["upgrade that is not well"], `did not take over`, `^-rwx.* /usr/lib/ringfence/before$`)
	has(t, parts["erase"], `Ringfence is removed\. Data, keys and settings are still there`, `Nothing was deleted`, `^drwx------ its:own /var/lib/ringfence-keys$`, `^secret$`, `^a key$`)
	if strings.Contains(parts["erase"], "/usr/bin/ringfence\n") {
		t.Error("the program is still there")
	}
	has(t, parts["said: upgrade that is not well"], `^program 0\.4\.0 upgrade -h$`, `^program 0\.4\.0 upgrade --settle --config /etc/ringfence/ringfence\.yaml$`)
	has(t, parts["said: upgrade"], `^program 0\.4\.0 upgrade --settle --config `)
	has(t, parts["said: erase"], `^systemctl disable --now ringfence$`, `^systemctl daemon-reload$`)
	if strings.Contains(parts["said: install"], "start") || strings.Contains(parts["said: upgrade"], "disable") {
		t.Errorf("started by itself, or stopped by an upgrade:\n%s", out)
	}
	if t.Failed() {
		t.Log(out)
	}
}
