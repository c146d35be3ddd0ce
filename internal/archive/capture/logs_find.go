package capture

import (
	"bufio"
	"io/fs"
	"path"
	"sort"
	"strings"
	"time"
)

// findLogs looks for CDR, CEL and queue_log in a folder: where Asterisk puts them (cdr-csv/Master.csv, cdr-custom/*.csv,
// cel-custom/*.csv, queue_log), or all in the folder itself, told apart by what is in them. The CDR files of single accounts beside
// cdr-csv/Master.csv hold its rows again and are left out.
func findLogs(root fs.FS, zone *time.Location, whole bool) ([]*family, error) {
	if _, err := fs.ReadDir(root, "."); err != nil {
		return nil, err
	}
	var list []*family
	add := func(kind logKind, base string) {
		for _, f := range list {
			if f.base == base {
				return
			}
		}
		list = append(list, &family{
			kind: kind, root: root, base: base, whole: whole,
			parser: parser{clock: clock{zone: zone}, pool: pool{}},
		})
	}
	for _, dir := range []string{"cel-custom", "cel_custom", "cdr-csv", "cdr-custom", "."} {
		names, err := fs.ReadDir(root, dir)
		if err != nil {
			continue
		}
		for _, n := range names {
			base := liveName(n.Name())
			rel := path.Join(dir, base)
			switch {
			case n.IsDir() || base == "":
			case dir == "cdr-csv" && base != "Master.csv":
			case strings.HasPrefix(dir, "cdr"):
				add(kindCDR, rel)
			case strings.HasPrefix(dir, "cel"):
				add(kindCEL, rel)
			default:
				if kind, ok := sniff(root, path.Join(dir, n.Name())); ok {
					add(kind, rel)
				}
			}
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].kind < list[j].kind })
	return list, nil
}

// liveName is the name of the log that a file is a rotation of; "" for a file that is no log by its name.
func liveName(name string) string {
	name = strings.TrimSuffix(name, ".gz")
	for _, end := range []string{".csv", "queue_log", "queue_log.txt"} {
		if i := strings.LastIndex(name, end); i >= 0 && rotationOf(name, name[:i+len(end)]) {
			return name[:i+len(end)]
		}
	}
	return ""
}

// sniff tells by its first lines which log a file is.
func sniff(root fs.FS, name string) (logKind, bool) {
	r, c, err := openLog(root, name)
	if err != nil {
		return 0, false
	}
	defer c.Close()
	p := parser{clock: clock{zone: time.UTC}, pool: pool{}}
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	for range 5 {
		if !s.Scan() {
			break
		}
		if _, err := p.queue(s.Text()); err == nil {
			return kindQueue, true
		}
		if _, _, err := p.cel(s.Text()); err == nil {
			return kindCEL, true
		}
		if _, _, err := p.cdr(s.Text()); err == nil {
			return kindCDR, true
		}
	}
	return 0, false
}
