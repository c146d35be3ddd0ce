package app

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"ringfence/internal/platform/mail"
)

// TestABackupThatFailsIsTold runs a server whose target for backups breaks: the
// alert stands in the portal, and is mailed, within a minute; mended, it ends.
func TestABackupThatFailsIsTold(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	c, told := initialised(t, dir, "--backup", target, "--backup-key", filepath.Join(dir, "etc", "backup.key"))
	c.Backup.Drills = false
	box := &mail.Mailbox{}
	s := serving(t, c, extras{mailbox: box})
	nora := welcomed(t, s, told, "nora@example.com")
	nora.enrol()
	root := "/api/v1/nodes/" + nora.places()[0].ID
	type page struct {
		Items []struct {
			Kind, ID string
			Severity string
		}
	}
	backups := func(state string) (all page) {
		nora.must(200, "GET", root+"/alerts?state="+state, nil, &all)
		n := 0
		for _, a := range all.Items {
			if a.Kind == "backup_failed" {
				all.Items[n] = a
				n++
			}
		}
		all.Items = all.Items[:n]
		return all
	}
	var stand struct{ Points []any }
	eventually(t, 30*time.Second, "the first backup is made", func() bool {
		nora.must(200, "GET", root+"/backups", nil, &stand)
		return len(stand.Points) > 0
	})

	no(t, os.Rename(target, target+".away"))
	no(t, os.WriteFile(target, []byte("no folder"), 0o600))
	broken := time.Now()
	nora.must(202, "POST", root+"/backups", nil, nil)
	eventually(t, 60*time.Second, "the alert stands in the portal", func() bool { return len(backups("open").Items) > 0 })
	eventually(t, 60*time.Second, "the alert is mailed", func() bool {
		for _, m := range box.Mails() {
			if m.To == "nora@example.com" && contains(m.Subject+m.Text, "backup") && contains(m.Subject+m.Text, "has failed") {
				return true
			}
		}
		return false
	})
	if took := time.Since(broken); took > time.Minute {
		t.Errorf("told after %s", took)
	} else {
		t.Logf("told after %s", took.Round(100*time.Millisecond))
	}

	no(t, os.Remove(target))
	no(t, os.Rename(target+".away", target))
	nora.must(202, "POST", root+"/backups", nil, nil)
	eventually(t, 60*time.Second, "the alert has ended", func() bool { return len(backups("open").Items) == 0 && len(backups("ended").Items) > 0 })
}
