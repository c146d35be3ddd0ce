package capture

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// readLogs takes all new rows of all logs in the order of time.
func (a *asterisk) readLogs(ctx context.Context, now time.Time, tell func(Call)) ([]Problem, error) {
	if !a.opt.hasLogs() {
		return nil, nil
	}
	problems, err := a.findLogs()
	if err != nil {
		return problems, nil
	}
	heads := make([]*entry, len(a.logs))
	for i := range a.logs {
		heads[i] = a.nextEntry(a.logs[i], &problems)
	}
	defer func() {
		for _, f := range a.logs {
			f.close()
		}
	}()
	told := 0
	a.behind, a.fresh = false, false
	count := func(c Call) {
		told++
		tell(c)
	}
	for n := 0; ; n++ {
		if told >= maxTold && !a.opt.DryRun {
			unread(heads)
			a.behind = true
			break
		}
		if n%4096 == 0 {
			if err := ctx.Err(); err != nil {
				return problems, err
			}
		}
		first := -1
		for i, e := range heads {
			if e != nil && (first < 0 || e.at < heads[first].at) {
				first = i
			}
		}
		if first < 0 {
			break
		}
		e := heads[first]
		a.j.add(e)
		a.fresh = true
		a.note(e)
		if a.j.newest-a.swept > linger.Milliseconds()/4 {
			a.sweep(a.j.newest, now, count)
		}
		heads[first] = a.nextEntry(a.logs[first], &problems)
	}
	a.gaps = append(a.gaps, a.seq.settle(a.j.newest)...)
	for _, f := range a.logs {
		a.gaps = append(a.gaps, f.gaps...)
		f.gaps = nil
	}
	if at := time.UnixMilli(a.j.newest); a.j.newest != 0 && at.After(now.Add(10*time.Minute)) && !a.warned["clock"] {
		a.warned["clock"] = true
		problems = append(problems, Problem{Path: a.opt.Logs, Reason: "the logs are ahead of this machine's clock by " + at.Sub(now).Round(time.Minute).String(), Advice: "check the clocks and the time zone of the telephone system"})
	}
	return problems, nil
}

// maxTold is after how many calls a poll stops reading logs: those of a year, when a source is switched on, must not be held at once.
const maxTold = 2000

// unread puts rows back that were read ahead.
func unread(heads []*entry) {
	for _, e := range heads {
		if e != nil {
			e.file.Offset, e.file.Line = e.from.offset, e.from.line
		}
	}
}

// findLogs looks which logs there are now and goes on where reading stopped.
func (a *asterisk) findLogs() ([]Problem, error) {
	found, err := findLogs(a.opt.logFiles(), a.opt.Zone, a.opt.DryRun)
	if err != nil {
		p := Problem{Path: a.opt.Logs, Reason: "the folder of logs cannot be read: " + plain(err), Advice: "check the folder and its permissions; without logs only file names are known"}
		if errors.Is(err, fs.ErrNotExist) {
			p.Advice = "give the folder that holds cdr-csv, cel-custom and queue_log, usually /var/log/asterisk"
		}
		if a.warned["logs"] {
			return nil, err
		}
		a.warned["logs"] = true
		return []Problem{p}, err
	}
	a.warned["logs"] = false
	for _, f := range found {
		if !slices.ContainsFunc(a.logs, func(g *family) bool { return g.base == f.base }) {
			for _, l := range a.resume {
				if rotationOf(path.Base(l.Name), path.Base(f.base)) && path.Dir(l.Name) == path.Dir(f.base) {
					f.files = append(f.files, &l)
				}
			}
			a.logs = append(a.logs, f)
		}
	}
	var problems []Problem
	for _, f := range a.logs {
		problems = append(problems, f.refresh()...)
	}
	return problems, nil
}

// maxProblems bounds what one poll tells of bad lines; a log of another kind would give one for each.
const maxProblems = 200

// nextEntry gives the next row of a log that can be read; what cannot is a problem with its line.
func (a *asterisk) nextEntry(f *family, problems *[]Problem) *entry {
	complain := func(file *logFile, from mark, reason, advice string) {
		if len(*problems) < maxProblems {
			*problems = append(*problems, Problem{Path: file.Name, Line: from.line + 1, Reason: reason, Advice: advice})
		}
	}
	for {
		line, file, from, err, ok := f.next()
		if !ok {
			return nil
		}
		if err != nil {
			complain(file, from, err.Error(), "")
			continue
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		e := &entry{kind: f.kind, file: file, from: from}
		var warning string
		f.parser.inside = from.line > 0
		switch f.kind {
		case kindCEL:
			e.cel, warning, err = f.parser.cel(line)
			e.at = e.cel.at
		case kindCDR:
			e.cdr, warning, err = f.parser.cdr(line)
			e.at = e.cdr.end
		case kindQueue:
			e.queue, err = f.parser.queue(line)
			e.at = e.queue.at
		}
		if warning != "" {
			complain(file, from, warning, "set the source's time zone to that of the telephone system")
		}
		if errors.Is(err, errHeading) {
			continue
		}
		if err != nil {
			complain(file, from, err.Error(), "the line was left out")
			continue
		}
		return e
	}
}
